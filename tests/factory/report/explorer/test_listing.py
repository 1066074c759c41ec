"""The rows that the explorer lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.corpora import write_corpus
from factory.corpus import Corpus
from factory.corpus.row import SPOOF
from factory.report.explorer.listing import Listing


def test_live_rows_of_a_paired_corpus_are_not_listed(inputs: dict[str, Any], tmp_path: Path) -> None:
    real = Corpus(inputs["real"])
    listing = Listing.of(real)
    assert listing is not None
    assert len(listing.index) == len(real.where(label=SPOOF)) < len(real)
    write_corpus(tmp_path / "live", [r for r in real.rows(range(len(real))) if r.label != SPOOF])
    assert Listing.of(Corpus(str(tmp_path / "live"))) is None
