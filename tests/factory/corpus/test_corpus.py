from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.corpora import NoConfig, face, png, row, small_rows, write_corpus
from factory.corpus import Corpus, index_bytes, read_index, totals
from factory.corpus.row import INDEX_SCHEMA, LATER
from factory.run import Run
from factory.storage import Storage
from factory.storage.embedded import PEOPLE


@pytest.mark.parametrize("formats", [("parquet",), ("webdataset",), ("webdataset", "parquet")])
def test_rows_and_pixels_by_position(tmp_path: Path, formats: tuple[str, ...]) -> None:
    rows = small_rows()
    corpus = write_corpus(tmp_path, rows, formats)
    assert len(corpus) == len(rows)
    assert corpus.rows([20, 3, 20, 0]) == [rows[20], rows[3], rows[20], rows[0]]
    assert np.array_equal(corpus.pixels([5])[0], face(5))
    assert list(corpus.column("key")) == [row.key for row in rows]
    assert {corpus.column("style")[i] for i in corpus.where(domain="cam", label=1)} == {"cam-print", "cam-replay"}


def test_digest_is_of_the_content(tmp_path: Path) -> None:
    rows = small_rows()
    assert write_corpus(tmp_path / "a", rows).digest == write_corpus(tmp_path / "b", rows).digest
    assert write_corpus(tmp_path / "c", rows[1:]).digest != write_corpus(tmp_path / "b", rows).digest


def test_unfinished_foreign_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a finished corpus"):
        Corpus(str(tmp_path / "nowhere"))
    Run(str(tmp_path / "begun"), "prepare", {}, NoConfig())
    with pytest.raises(ValueError, match="not a finished corpus"):
        Corpus(str(tmp_path / "begun"))
    with pytest.raises(ValueError, match="empty corpus"):
        write_corpus(tmp_path / "empty", [])


def test_mixed_sizes_are_named(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, [row(0), row(1, image=png(face(1, 64)))])
    with pytest.raises(ValueError, match="mixes image sizes"):
        corpus.pixels([0, 1])


def test_totals_add_up() -> None:
    records: list[Any] = [
        {"planned": 5, "rows": 4, "styles": {"a": 4}, "rejects_by_reason": {"x": 1}},
        {"planned": 3, "rows": 3, "styles": {"a": 1, "b": 2}, "rejects_by_reason": {}},
    ]
    assert totals(records) == {
        "shards": 2,
        "planned": 8,
        "written": 7,
        "rejected": 1,
        "styles": {"a": 5, "b": 2},
        "rejects_by_reason": {"x": 1},
    }


def test_columns_with_gaps_and_repeats(tmp_path: Path) -> None:
    rows = [
        row(n, capture=None if n % 3 else f"c{n % 2}", split=("train", "dev")[n > 4], brisque=None if n == 2 else 1.5)
        for n in range(9)
    ]
    corpus = write_corpus(tmp_path, rows, per_shard=4)
    rows.sort(key=lambda row: (row.split, row.key))  # shards are in order of their names
    assert corpus.column("capture").tolist() == [row.capture for row in rows]
    assert corpus.column("subject").tolist() == [row.subject for row in rows]
    assert corpus.column("live_key").tolist() == [None] * 9
    assert np.isnan(corpus.column("brisque")).tolist() == [row.brisque is None for row in rows]
    assert [rows[place].key for place in corpus.where(capture="c1", split="train")] == ["row-0003"]
    found = corpus.index.group_by(["split", "capture"]).aggregate([([], "count_all")]).to_pylist()
    assert sum(item["count_all"] for item in found) == 9 and len(found) == len({(r.split, r.capture) for r in rows})


def test_the_index_has_large_row_groups_in_shard_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.corpus.ROWS_PER_GROUP", 10)
    shards = [
        pa.table({name: [f"{n}"] * 4 if name == "shard" else [None] * 4 for name in INDEX_SCHEMA.names}, INDEX_SCHEMA)
        for n in range(7)
    ]
    file = pq.ParquetFile(pa.BufferReader(index_bytes(iter(shards))))
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [12, 12, 4]
    assert file.read()["shard"].to_pylist() == [f"{n}" for n in range(7) for _ in range(4)]
    assert pq.read_table(pa.BufferReader(index_bytes([]))).schema.names == INDEX_SCHEMA.names


def test_later_columns_of_an_older_folder_are_null_also_if_they_alone_are_read() -> None:
    older = Storage(PEOPLE)  # from before `sitting` and `match`
    table = read_index(older, ["key", *LATER])
    assert sorted(table.column_names) == sorted(["key", *LATER]) and len(table) == 2880
    assert all(table[name].null_count == len(table) for name in LATER)
    assert read_index(older, ["key"]).column_names == ["key"]
