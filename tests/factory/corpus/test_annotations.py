"""Side tables in the order of another index than their own."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.corpora import small_rows, write_corpus
from difffas.errors import UserError
from factory.annotate import AnnotateConfig
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.annotations import ANNOTATIONS, annotations_of
from factory.run import Run


def test_lines_follow_the_index(tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows())
    corpus = Corpus(str(tmp_path / "real"))
    keys = corpus.column("key").tolist()
    given = {"corpus": str(tmp_path / "real"), "out": str(tmp_path / "side"), "function": "a:b"}
    claim = Run(str(tmp_path / "side"), "annotate", {}, build(AnnotateConfig, given))
    with pytest.raises(UserError, match="is not finished"):
        annotations_of(corpus, str(tmp_path / "side"))
    buffer = io.BytesIO()
    order = [*reversed(keys), "a key of another corpus"]
    pq.write_table(pa.table({"key": order, "length": [json.dumps(key) for key in order]}), buffer)
    claim.storage.create(ANNOTATIONS, buffer.getvalue())
    claim.finish({"rows": len(order), "columns": {}, "seconds": 0.0})
    table = annotations_of(corpus, str(tmp_path / "side"))
    assert table.column_names == ["length"]
    assert table["length"].to_pylist() == [json.dumps(key) for key in keys]
