"""Curves and thresholds by hand, against scikit-learn, and by definition."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import det_curve as sklearn_det_curve
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from difffas.errors import UserError
from difffas.metrics import (
    apcer,
    apcer_threshold,
    auc,
    bpcer,
    bpcer_threshold,
    d_eer,
    det_curve,
    eer_threshold,
    roc_curve,
    tpr_at_fpr,
)
from tests.difffas.metrics.faces import Rows, rows


def test_equal_scores_are_decided_alike() -> None:
    fpr, tpr, thresholds = roc_curve([0.5, 0.5, 0.5, 0.2], [0, 1, 0, 1])
    assert fpr.tolist() == [0.0, 0.5, 1.0]
    assert tpr.tolist() == [0.0, 1.0, 1.0]
    assert thresholds.tolist() == [math.inf, 0.5, 0.2]
    assert auc([0.5, 0.5, 0.5, 0.2], [0, 1, 0, 1]) == 0.75
    assert auc([1, 1, 1], [0, 1, 1]) == 0.5
    assert d_eer([1, 1, 1], [0, 1, 1]) == 0.5
    assert eer_threshold([1, 1, 1], [0, 1, 1]) == np.nextafter(1.0, 2.0)


def test_thresholds_at_a_given_apcer_by_hand() -> None:
    # 20 prints 0.00 … 0.19, 10 replays 0.30 … 0.39; live faces between and above
    prints, replays = [i / 100 for i in range(20)], [0.3 + i / 100 for i in range(10)]
    live = [0.185, 0.25, 0.385, 0.5]
    scores, labels = live + prints + replays, [0] * 4 + [1] * 30
    attacks = ["live"] * 4 + ["print"] * 20 + ["replay"] * 10
    # 1 of 10 replays may pass (0.39), 0.38 may not: the next score above it is live
    assert apcer_threshold(scores, labels, attacks, 10) == 0.385
    assert bpcer(scores, labels, 0.385) == 2 / 4
    # at 5 % none of 10 replays may pass
    assert apcer_threshold(scores, labels, attacks, 20) == 0.5
    assert apcer(scores, labels, attacks, 0.5) == {"print": 0.0, "replay": 0.0}
    # pooled, 3 of 30 may pass: another threshold, which lets 3 of 10 replays through
    assert apcer_threshold(scores, labels, ["any"] * 34, 10) == replays[7]
    # of 20 prints alone one may pass at 5 %, two at 10 %; 0.185 is live
    assert apcer_threshold(scores[:24], labels[:24], attacks[:24], 20) == 0.185
    assert apcer_threshold(scores[:24], labels[:24], attacks[:24], 10) == 0.18
    # no score is high enough
    assert apcer_threshold([0.1, 0.9], [0, 1], ["live", "print"], 10) == np.nextafter(0.9, 1)
    assert tpr_at_fpr(scores, labels, 10) == 2 / 4  # from replays[7] = 0.37 on, 0.385 and 0.5
    assert tpr_at_fpr(scores, labels, 100) == 1 / 4


@given(rows())
def test_equals_scikit_learn(both: Rows) -> None:
    scores, labels = both
    bona_fide = 1 - np.array(labels)
    assert auc(scores, labels) == pytest.approx(roc_auc_score(bona_fide, scores), abs=1e-12)
    theirs = sklearn_roc_curve(bona_fide, scores, drop_intermediate=False)
    for mine, reference in zip(roc_curve(scores, labels), theirs, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=0, atol=1e-12)
    false, missed, thresholds = sklearn_det_curve(bona_fide, scores)
    points = {at: (a, b) for a, b, at in zip(*det_curve(scores, labels), strict=True)}
    for threshold, *rates in zip(thresholds, false, missed, strict=True):  # theirs leaves out the ends
        np.testing.assert_allclose(points[threshold], rates, rtol=0, atol=1e-12)
    for one_in in (2, 10, 100):
        allowed = theirs[0] <= 1 / one_in + 1e-12
        assert tpr_at_fpr(scores, labels, one_in) == pytest.approx(theirs[1][allowed].max(), abs=1e-12)


@given(rows(), st.sampled_from([2, 3, 10, 20]), st.integers(1, 3))
def test_the_threshold_at_an_apcer_is_the_lowest_that_keeps_every_attack_to_it(
    both: Rows, one_in: int, kinds: int
) -> None:
    scores, labels = both
    attacks = ["live" if label == 0 else f"attack{index % kinds}" for index, label in enumerate(labels)]
    threshold = apcer_threshold(scores, labels, attacks, one_in)

    def largest(at: float) -> float:
        return max(apcer(scores, labels, attacks, at).values())

    assert largest(threshold) <= 1 / one_in + 1e-12
    assert all(largest(score) > 1 / one_in + 1e-12 for score in scores if score < threshold)
    if kinds == 1:  # with one instrument BPCER100 is what the TPR at an FPR of 1 % leaves
        assert 1 - bpcer(scores, labels, threshold) == pytest.approx(tpr_at_fpr(scores, labels, one_in), abs=1e-12)


@given(rows(), st.sampled_from([2, 3, 10, 100]))
def test_the_threshold_at_a_bpcer_is_the_highest_that_keeps_live_faces_to_it(both: Rows, one_in: int) -> None:
    scores, labels = both
    threshold = bpcer_threshold(scores, labels, one_in)
    live = [score for score, label in zip(scores, labels, strict=True) if label == 0]
    assert threshold in live
    assert bpcer(scores, labels, threshold) <= 1 / one_in + 1e-12
    assert all(bpcer(scores, labels, score) > 1 / one_in + 1e-12 for score in scores if score > threshold)
    with pytest.raises(UserError, match="at least one live face"):
        bpcer_threshold([0.5], [1], one_in)


@given(rows())
def test_the_eer_threshold_balances_the_two_errors(both: Rows) -> None:
    scores, labels = both
    live: npt.NDArray[np.int64] = np.array(scores)[np.array(labels) == 0]
    spoof: npt.NDArray[np.int64] = np.array(scores)[np.array(labels) == 1]

    def gap(threshold: float) -> float:
        return float(abs(np.mean(spoof >= threshold) - np.mean(live < threshold)))

    assert gap(eer_threshold(scores, labels)) == pytest.approx(min(gap(score) for score in [*scores, 99]), abs=1e-12)
