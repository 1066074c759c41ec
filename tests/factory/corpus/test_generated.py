"""Which rows a generator made, and which of them show people who do not exist."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.corpora import row, write_corpus
from difffas.errors import UserError
from factory.corpus.generated import are_generated, are_invented, live_halves
from factory.corpus.row import LIVE, SPOOF


def test_edited_rows_have_a_guide_and_invented_ones_a_generator_alone() -> None:
    text = pa.string()
    table = pa.table(
        {
            "guide_key": pa.array([None, "g", "g", None], text),
            "generator": pa.array([None, "x", None, "x"], text),
        }
    )
    assert are_generated(table).tolist() == [False, True, True, True]
    assert are_invented(table).tolist() == [False, False, False, True]


def test_a_spoof_finds_its_live_half_and_a_missing_one_is_named(tmp_path: Path) -> None:
    rows = [
        row(0, label=SPOOF, attack="print", subject="sampled__a", generator="x"),
        row(1, label=LIVE, attack="live", subject="sampled__b", generator="x"),
        row(2, label=LIVE, attack="live", subject="sampled__a", generator="x"),
        row(3, label=LIVE, attack="live", subject="sampled__a"),
    ]
    corpus = write_corpus(tmp_path / "whole", rows)
    spoofs = corpus.index.filter(pa.array(corpus.column("label") == SPOOF))
    assert live_halves(corpus, spoofs).tolist() == [2]
    lacking = write_corpus(tmp_path / "lacking", rows[:2])
    with pytest.raises(UserError, match="lacks the live half"):
        live_halves(lacking, spoofs)
    assert np.array_equal(are_invented(lacking.index), [True, True])
