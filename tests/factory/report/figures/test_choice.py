"""Hashes choose rows, whatever else is in the corpus."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.corpora import small_rows, write_corpus
from factory.corpus.row import SPOOF
from factory.report.figures.choice import by_hash, in_turns


def test_a_choice_does_not_depend_on_the_other_rows(tmp_path: Path) -> None:
    rows = small_rows()
    whole, half = write_corpus(tmp_path / "whole", rows), write_corpus(tmp_path / "half", rows[::2])
    all_keys = whole.column("key")[by_hash(whole, np.arange(len(whole)), len(whole))].tolist()
    kept = half.column("key")[by_hash(half, np.arange(len(half)), 5)].tolist()
    assert kept == [key for key in all_keys if key in set(half.column("key"))][:5]


def test_styles_take_turns(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "real", small_rows())
    spoofs = corpus.where(label=SPOOF)
    chosen = in_turns(corpus, spoofs, 6)
    styles = corpus.column("style")[chosen].tolist()
    assert styles[:4] == sorted(set(corpus.column("style")[spoofs])) and styles[4:] == styles[:2]
    assert len(in_turns(corpus, spoofs, 1000)) == len(spoofs) == len(set(in_turns(corpus, spoofs, 1000)))
