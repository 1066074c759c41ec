"""A side table: parts by shard, joined once, read back."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.corpora import row, write_corpus
from factory.corpus.side_table import SideTable
from factory.storage import Storage

TABLE = SideTable("notes.parquet", pa.schema([("key", pa.string()), ("tilt", pa.float64())]))


def test_parts_are_joined_once_in_the_order_of_shards(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "corpus"))
    assert TABLE.read(storage) is None
    TABLE.write_part(storage.url, "train-000000", [{"key": "a", "tilt": 1.5}])
    TABLE.write_part(storage.url, "test-000000", [{"key": "b"}])
    TABLE.write_part(storage.url, "test-000000", [{"key": "c"}])  # the first part stays
    TABLE.join_parts(storage, ["test-000000", "train-000000", "train-000001"])
    found = TABLE.read(storage)
    assert found is not None and found.to_pylist() == [{"key": "b", "tilt": None}, {"key": "a", "tilt": 1.5}]
    TABLE.join_parts(storage, [])  # the first table stays
    again = TABLE.read(storage)
    assert again is not None and again.equals(found)
    assert (tmp_path / "corpus" / "notes" / "train-000000.parquet").is_file()


def test_a_table_of_every_image_has_no_gap(tmp_path: Path) -> None:
    storage = write_corpus(
        tmp_path / "corpus", [row(n, split=split) for n, split in enumerate(("test", "train"))]
    ).storage
    shards = ["test-000000", "train-000000", "train-000001"]  # the last has no image
    TABLE.write_part(storage.url, "test-000000", [{"key": "row-0"}])
    with pytest.raises(ValueError, match=r"^notes/train-000000.parquet is gone: delete ledger/train-000000.json"):
        TABLE.join_all_parts(storage, shards)
    assert TABLE.read(storage) is None
    TABLE.write_part(storage.url, "train-000000", [{"key": "row-1"}])
    TABLE.join_all_parts(storage, shards)
    assert (found := TABLE.read(storage)) is not None and found["key"].to_pylist() == ["row-0", "row-1"]
