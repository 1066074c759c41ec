"""The table of the detector's facts: parts by shard, joined once."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow.parquet as pq

from factory.corpus.detected import FACES, SCHEMA, Detected
from factory.storage import Storage


def test_parts_are_joined_in_the_order_of_shards(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "corpus"))
    first: Detected = {"key": "a", "reject": None, "faces": 2, "score": 0.9, "roll": -3.5}
    FACES.write_part(storage.url, "train-000000", [first])
    FACES.write_part(storage.url, "test-000000", [{"key": "b", "reject": "no face", "faces": 0}])
    FACES.write_part(storage.url, "test-000000", [first])  # the first part stays
    FACES.join_parts(
        storage, ["test-000000", "train-000000", "train-000001"]
    )  # a shard of an older version has no part
    table = pq.read_table(io.BytesIO(storage.read(FACES.name)))
    assert table.schema.equals(SCHEMA)
    assert table["key"].to_pylist() == ["b", "a"]
    assert table["score"].to_pylist() == [None, 0.9] and table["turned"].null_count == 2
    before = storage.read(FACES.name)
    FACES.write_part(storage.url, "train-000001", [first])
    FACES.join_parts(storage, ["train-000001"])
    assert storage.read(FACES.name) == before


def test_a_corpus_without_parts_has_an_empty_table(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "corpus"))
    FACES.join_parts(storage, ["train-000000"])
    assert pq.read_table(io.BytesIO(storage.read(FACES.name))).num_rows == 0
