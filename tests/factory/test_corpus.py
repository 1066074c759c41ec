from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from factory.corpus import Corpus, totals
from factory.run import Run
from tests.corpora import NoConfig, face, png, row, small_rows, write_corpus


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
    records = [
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
