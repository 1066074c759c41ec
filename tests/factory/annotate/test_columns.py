"""A user's function on rows, and the table of its answers."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.corpora import row, small_rows, write_corpus
from difffas.errors import UserError
from factory.annotate.columns import SHARDS, AnnotateShard, annotated, digest_of, found, join
from factory.corpus import Corpus
from factory.line.walk import place_of
from factory.storage import Storage
from tests.factory.annotate import blur

HERE = "tests.factory.annotate.blur"


def test_a_function_gets_pixels_and_facts() -> None:
    rows = [row(number) for number in range(3)]
    table = annotated(rows, blur.brightness)
    assert table["key"].to_pylist() == [each.key for each in rows]
    assert table["who"].to_pylist() == [f"{each.subject} live" for each in rows]
    assert np.allclose(np.mean(table["channels"].to_pylist(), axis=1), table["mean"].to_pylist())


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (blur.short, "gave 1 values of 'x' for 3 rows"),
        (blur.nothing, "gave NoneType, not a mapping"),
        (blur.own_key, "a column's name is text other than 'key'"),
        (blur.mixed, "values that Arrow cannot store"),
    ],
)
def test_answers_of_another_form_are_refused(function: object, said: str) -> None:
    with pytest.raises(UserError, match=said):
        annotated([row(number) for number in range(3)], function)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{HERE}:missing", "has no missing"),
        ("no_such_module:f", "cannot be imported: ModuleNotFoundError"),
        ("math:sin", "math:sin has no source file"),
    ],
)
def test_a_function_that_cannot_be_had_is_one_line(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        digest_of(name)


def test_a_module_of_the_working_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/nowhere", *__import__("sys").path])
    (tmp_path / "mine_alone.py").write_text("def f(images, facts):\n    return {'a': [1] * len(facts)}\n")
    assert found("mine_alone:f")([], [1, 2]) == {"a": [1, 1]}
    first = digest_of("mine_alone:f")
    (tmp_path / "mine_alone.py").write_text("def f(images, facts):\n    return {'a': [2] * len(facts)}\n")
    assert digest_of("mine_alone:f") != first


def test_a_class_is_made_once(tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows())
    shard = Corpus(str(tmp_path / "real")).index["shard"][0].as_py()
    worker = AnnotateShard(str(tmp_path / "out"), str(tmp_path / "real"), f"{HERE}:Counter", {"start": 4})
    for part in ("a", "b"):
        done = worker({"shard": shard, "place": place_of(SHARDS, part)})
        assert not done["fault"] and done["planned"] > 0
    seen = [pq.read_table(tmp_path / "out" / place_of(SHARDS, part))["seen"][0].as_py() for part in ("a", "b")]
    assert seen == [5, 6]


def parts(out: Storage, **tables: pa.Table) -> list[str]:
    for name, table in tables.items():
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        out.create(place_of(SHARDS, name), buffer.getvalue())
    return list(tables)


def test_parts_join_in_order_with_the_widest_kind(tmp_path: Path) -> None:
    out = Storage(str(tmp_path))
    names = parts(
        out,
        b=pa.table({"key": ["k1"], "x": pa.array([None], pa.null()), "n": [1]}),
        a=pa.table({"key": ["k2"], "n": [2.5], "late": ["t"]}),
    )
    joined = join(out, names)
    table = pq.read_table(io.BytesIO(joined.data))
    assert table.to_pylist() == [
        {"key": "k1", "x": None, "n": 1.0, "late": None},
        {"key": "k2", "x": None, "n": 2.5, "late": "t"},
    ]
    assert joined.columns == {"x": "null", "n": "double", "late": "string"}


def test_kinds_that_have_none_in_common_are_refused(tmp_path: Path) -> None:
    out = Storage(str(tmp_path))
    names = parts(out, a=pa.table({"key": ["k"], "x": [1]}), b=pa.table({"key": ["l"], "x": ["t"]}))
    with pytest.raises(UserError, match="other kinds in other shards"):
        join(out, names)
