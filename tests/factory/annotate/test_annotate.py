"""The station on real Ray: killed, it asks only for what is missing; readers join its table."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.corpora import row, small_rows, write_corpus
from difffas.errors import UserError
from factory.annotate import AnnotateConfig, run
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.annotations import annotations_of


@pytest.mark.slow
def test_columns_of_a_corpus(tmp_path: Path, ray_local: None) -> None:
    write_corpus(tmp_path / "real", small_rows())
    corpus = Corpus(str(tmp_path / "real"))
    config = build(
        AnnotateConfig,
        {
            "corpus": str(tmp_path / "real"),
            "out": str(tmp_path / "out"),
            "function": "tests.factory.annotate.blur:brightness",
            "arguments": {"above": 100.0},
            "resources": {"workers": 1},
        },
    )
    summary = run(config)
    assert summary["rows"] == len(corpus)
    assert summary["columns"] == {
        "mean": "double",
        "who": "string",
        "channels": "list<element: double>",
        "bright": "double",
    }
    assert run(config) == summary
    table = annotations_of(corpus, str(tmp_path / "out"))
    expected = corpus.pixels(range(len(corpus))).mean(axis=(1, 2, 3)).tolist()
    assert table["mean"].to_pylist() == pytest.approx(expected)
    assert [value is not None for value in table["bright"].to_pylist()] == [mean > 100 for mean in expected]
    write_corpus(tmp_path / "other", [row(number, key=f"other-{number}") for number in range(2)])
    with pytest.raises(UserError, match="does not know 'other-0', nor 1 more rows"):
        annotations_of(Corpus(str(tmp_path / "other")), str(tmp_path / "out"))
    with pytest.raises(UserError, match="holds a run of"):
        annotations_of(corpus, str(tmp_path / "real"))


def test_nothing_is_claimed_without_the_function(tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows())
    given = {"corpus": str(tmp_path / "real"), "out": str(tmp_path / "out"), "function": "no_such_module:f"}
    with pytest.raises(UserError, match="cannot be imported"):
        run(build(AnnotateConfig, given))
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="config key 'function'"):
        build(AnnotateConfig, {**given, "function": "no colon"})
