"""Error rates at a threshold: their range, and rows that are refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difffas.metrics import ScoreSet, acer, auc, d_eer, hter
from tests.difffas.metrics.faces import Rows, rows


@given(rows(), st.integers(-6, 6))
def test_ranges(both: Rows, threshold: int) -> None:
    scores, labels = both
    assert 0.0 <= auc(scores, labels) <= 1.0
    assert 0.0 <= d_eer(scores, labels) <= 1.0
    assert 0.0 <= hter(scores, labels, threshold) <= 1.0
    attacks = ["live" if label == 0 else f"attack{index % 3}" for index, label in enumerate(labels)]
    pooled = (hter(scores, labels, threshold), acer(scores, labels, attacks, threshold))
    assert pooled[0] <= pooled[1] + 1e-12  # the worst attack is never easier than all of them pooled


@pytest.mark.parametrize(
    ("scores", "labels", "attacks", "message"),
    [
        ([0.1], [0, 1], ["live"], "one label per score"),
        ([0.1, math.nan], [0, 1], ["live", "print"], "1 of 2 scores are not finite"),
        ([0.1, 0.2], [0, 2], ["live", "print"], "must be 0 .live. or 1 .spoof."),
        ([0.1, 0.2], [0, 1], ["live"], "one name per score"),
        ([0.1, 0.2], [0, 1], ["live", "live"], "mend the label or the attack"),
    ],
)
def test_bad_rows_are_named(scores: list[float], labels: list[int], attacks: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScoreSet(scores, labels, attacks)
