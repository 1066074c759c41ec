"""All metrics by hand, and by the laws that they obey together."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difffas.metrics import ScoreSet, acer, apcer, apcer_threshold, auc, bpcer, d_eer, eer_threshold, hter, roc_curve
from tests.difffas.metrics.faces import ATTACKS, LABELS, SCORES, Rows, rows


def test_by_hand() -> None:
    # 24 live-spoof pairs; the live 0.6 loses to one spoof, 0.4 to two
    assert auc(SCORES, LABELS) == pytest.approx(21 / 24, abs=1e-15)
    # accepting >= 0.6: FPR 1/6, FNR 1/4; accepting >= 0.5: FPR 2/6, FNR 1/4. The line between crosses at FPR = 1/4
    assert d_eer(SCORES, LABELS) == pytest.approx(1 / 4, abs=1e-15)
    assert eer_threshold(SCORES, LABELS) == 0.6  # both are 1/12 apart: the higher threshold
    assert hter(SCORES, LABELS, 0.6) == pytest.approx((1 / 6 + 1 / 4) / 2, abs=1e-15)
    assert apcer(SCORES, LABELS, ATTACKS, 0.5) == {"print": pytest.approx(1 / 3), "replay": pytest.approx(1 / 3)}
    assert apcer(SCORES, LABELS, ATTACKS, 0.6) == {"print": pytest.approx(1 / 3), "replay": 0.0}
    assert bpcer(SCORES, LABELS, 0.6) == 1 / 4
    assert acer(SCORES, LABELS, ATTACKS, 0.6) == pytest.approx((1 / 3 + 1 / 4) / 2, abs=1e-15)
    assert hter(SCORES, LABELS, 0.6) != acer(SCORES, LABELS, ATTACKS, 0.6)


@given(rows())
def test_a_rising_transform_changes_no_rank_metric(both: Rows) -> None:
    scores, labels = both
    stretched = [math.exp(score) - 7 for score in scores]
    assert auc(stretched, labels) == auc(scores, labels)
    assert d_eer(stretched, labels) == d_eer(scores, labels)
    thresholds = eer_threshold(stretched, labels), eer_threshold(scores, labels)
    assert hter(stretched, labels, thresholds[0]) == hter(scores, labels, thresholds[1])


@given(rows())
def test_swapping_the_classes_and_turning_the_scores_changes_nothing(both: Rows) -> None:
    scores, labels = both
    turned, swapped = [-score for score in scores], [1 - label for label in labels]
    assert auc(turned, swapped) == pytest.approx(auc(scores, labels), abs=1e-12)
    assert d_eer(turned, swapped) == pytest.approx(d_eer(scores, labels), abs=1e-12)
    assert auc(scores, swapped) == pytest.approx(1 - auc(scores, labels), abs=1e-12)


@given(st.lists(st.floats(0.6, 1.0), min_size=1), st.lists(st.floats(0.0, 0.4), min_size=1))
def test_separable_classes_are_told_apart(live: list[float], spoof: list[float]) -> None:
    scores, labels = live + spoof, [0] * len(live) + [1] * len(spoof)
    assert auc(scores, labels) == 1.0
    assert d_eer(scores, labels) == 0.0
    assert eer_threshold(scores, labels) == min(live)
    assert hter(scores, labels, eer_threshold(scores, labels)) == 0.0
    assert hter(scores, labels, 0.5) == 0.0


def test_a_missing_class_is_named() -> None:
    for metric in (auc, d_eer, eer_threshold, roc_curve):
        with pytest.raises(ValueError, match="0 live and 2 spoof scores"):
            metric([0.1, 0.2], [1, 1])
    with pytest.raises(ValueError, match="at least one live face"):
        bpcer([0.1], [1], 0.5)
    with pytest.raises(ValueError, match="0 live and 2 spoof scores"):
        apcer_threshold([0.1, 0.2], [1, 1], ["print", "print"], 10)
    with pytest.raises(ValueError, match="1 subjects for 10 scores"):
        ScoreSet(SCORES, LABELS, ATTACKS, ["a"])
