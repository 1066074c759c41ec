"""BRISQUE of real faces as counts: nothing is lost, whatever folder serves twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.corpora import row, write_corpus
from factory.corpus.row import SPOOF
from factory.report.explorer.real import BINS, real_scores


def test_counts_and_sums_are_those_of_the_scores(tmp_path: Path) -> None:
    live = [row(number, brisque=float(number)) for number in range(10)] + [row(10, brisque=None)]
    spoofs = [
        row(20 + number, brisque=50.0 + number, label=SPOOF, attack="print", domain="phone") for number in range(4)
    ]
    real = write_corpus(tmp_path / "real", [*live, *spoofs])
    made = write_corpus(tmp_path / "made", [row(90, brisque=95.0, label=SPOOF, attack="print")])
    found = real_scores(made.index, [real, real])
    low, high = found["span"]
    assert found["bins"] == BINS and low <= 0 and high >= 90 and low % 10 == high % 10 == 0
    assert set(found["real"]["live"]) == {"cam-live"} and set(found["real"]["spoof"]) == {"phone-print"}
    for group, scores in (
        (found["real"]["live"]["cam-live"], range(10)),
        (found["real"]["spoof"]["phone-print"], range(50, 54)),
    ):
        assert len(group["bins"]) == BINS and sum(group["bins"]) == len(scores)
        assert group["sum"] == pytest.approx(sum(scores))
        assert group["squares"] == pytest.approx(sum(score**2 for score in scores))
        width = (high - low) / BINS
        assert sum(count * (low + width * (n + 0.5)) for n, count in enumerate(group["bins"])) == pytest.approx(
            sum(scores), abs=width / 2 * len(scores)
        )


def test_without_scores_there_is_an_axis_and_nothing_on_it(tmp_path: Path) -> None:
    made = write_corpus(tmp_path / "made", [row(1, brisque=None, label=SPOOF, attack="print")])
    assert real_scores(made.index, []) == {"span": (0.0, 100.0), "bins": BINS, "real": {"live": {}, "spoof": {}}}
