"""Tables of measures, made in this process, come back in the order of the index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from factory.audit.hashes import difference_hash
from factory.audit.measures import SPOOF_SCHEMA
from factory.audit.tables import REAL, SPOOFS, _spans, real_hashes, spoof_measures
from factory.corpus import Corpus
from factory.corpus.row import SPOOF
from factory.storage import Storage

World = tuple[Path, dict[str, Any], dict[str, Any]]


def test_hashes_of_real_faces_are_those_of_their_pixels(world: World) -> None:
    root, inputs, _ = world
    real = Corpus(inputs["live"])
    expected = difference_hash(real.pixels(np.arange(len(real))))
    found = real_hashes(Storage(str(root / "audit")), real)
    assert found.dtype == np.uint64 and np.array_equal(found, expected)


def test_measures_of_spoofs_stand_in_the_order_of_their_index(world: World) -> None:
    root, inputs, _ = world
    made = Corpus(inputs["generated"])
    spoofs = made.index.take(pa.array(made.where(label=SPOOF)))
    found = spoof_measures(Storage(str(root / "audit")), spoofs)
    assert found.schema == SPOOF_SCHEMA and found["key"].to_pylist() == spoofs["key"].to_pylist()
    shards = spoofs["shard"].to_pylist()
    lone = next(place for place, shard in enumerate(shards) if shards.count(shard) > 1)
    fewer = pa.concat_tables([spoofs.slice(0, lone), spoofs.slice(lone + 1)])
    with pytest.raises(AssertionError, match="that of its shard"):
        spoof_measures(Storage(str(root / "audit")), fewer)


def test_every_shard_has_one_table(world: World) -> None:
    root, inputs, _ = world
    shards = set(Corpus(inputs["generated"]).column("shard"))
    assert {path.stem for path in (root / "audit" / SPOOFS).iterdir()} == shards
    assert len(list((root / "audit" / REAL).iterdir())) == len(set(Corpus(inputs["live"]).column("shard")))


def test_spans_are_the_shards_rows() -> None:
    index = pa.table({"shard": pa.array(["b", "b", "a", "c", "c", "c"])})
    assert _spans(index) == {"b": slice(0, 2), "a": slice(2, 3), "c": slice(3, 6)}
    with pytest.raises(AssertionError, match="stand together"):
        _spans(pa.table({"shard": pa.array(["b", "a", "b"])}))
