"""Tables of measures, made in this process, come back in the order of the index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from factory.audit.hashes import difference_hash
from factory.audit.measures import SPOOF_SCHEMA, read_table
from factory.audit.tables import PAIRS, REAL, SPOOFS, _chunks, real_hashes, spans, spoof_measures
from factory.corpus import Corpus
from factory.corpus.identity import Structure
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


def test_pairs_are_measured_against_the_person_and_another(world: World) -> None:
    root, inputs, _ = world
    found = read_table(Storage(str(root / "audit")), f"{PAIRS}/000000.parquet")
    assert found["key"].to_pylist() == ["real-8-print", "real-9-print", "real-9-replay"]  # the test split
    real = Corpus(inputs["live"])
    keys = real.column("key").tolist()
    embed = Structure()

    def apart(*names: str) -> float:
        first, second = embed(real.pixels([keys.index(name) for name in names]))
        return float(np.linalg.norm(first - second))

    genuine = [
        apart(f"real-{n}-{attack}", f"real-{n}-live") for n, attack in ((8, "print"), (9, "print"), (9, "replay"))
    ]
    np.testing.assert_allclose(found["genuine_distance"].to_numpy(), genuine)
    others = {apart("real-8-print", f"real-{n}-live") for n in range(10) if n != 8}
    assert min(abs(found["impostor_distance"][0].as_py() - other) for other in others) < 1e-9
    assert all(found["style_right"].to_pylist())


def test_chunks_cover_all_pairs_once() -> None:
    assert _chunks(0) == {}
    assert list(_chunks(130).values()) == [slice(0, 64), slice(64, 128), slice(128, 192)]


def test_spans_are_the_shards_rows() -> None:
    index = pa.table({"shard": pa.array(["b", "b", "a", "c", "c", "c"])})
    assert spans(index) == {"b": slice(0, 2), "a": slice(2, 3), "c": slice(3, 6)}
    assert spans(index[:0]) == {}
    with pytest.raises(AssertionError, match="stand together"):
        spans(pa.table({"shard": pa.array(["b", "a", "b"])}))
