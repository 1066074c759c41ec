"""Metrics by hand, against scikit-learn, and by the laws they obey."""

from __future__ import annotations

import json
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import det_curve as sklearn_det_curve
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from difffas.metrics import (
    ScoreSet,
    acer,
    apcer,
    apcer_threshold,
    auc,
    bpcer,
    d_eer,
    det_curve,
    eer_threshold,
    hter,
    report,
    roc_curve,
    tpr_at_fpr,
)

# Ten faces: live 0.9 0.8 0.6 0.4, print 0.7 0.3 0.2, replay 0.5 0.1 0.1
SCORES = [0.9, 0.8, 0.6, 0.4, 0.7, 0.3, 0.2, 0.5, 0.1, 0.1]
LABELS = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
ATTACKS = ["live"] * 4 + ["print"] * 3 + ["replay"] * 3

Rows = tuple[list[int], list[int]]


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Few distinct whole scores, so that ties are common; both classes."""
    live = draw(st.lists(st.integers(-5, 5), min_size=1, max_size=15))
    spoof = draw(st.lists(st.integers(-5, 5), min_size=1, max_size=15))
    order = draw(st.permutations(range(len(live) + len(spoof))))
    scores, labels = live + spoof, [0] * len(live) + [1] * len(spoof)
    return [scores[i] for i in order], [labels[i] for i in order]


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


def test_report_by_hand() -> None:
    dev = ScoreSet([0.95, 0.75, 0.72, 0.1], [0, 0, 1, 1], ["live", "live", "mask", "print"])
    result = report(ScoreSet(SCORES, LABELS, ATTACKS), dev)
    third = pytest.approx(1 / 3)
    assert result == {
        "auc": pytest.approx(21 / 24, abs=1e-15),
        "d_eer": pytest.approx(1 / 4, abs=1e-15),
        "tpr@fpr=1%": 2 / 4,  # the live 0.9 and 0.8 are above every spoof
        "threshold@test_eer": 0.6,
        "hter@test_eer": pytest.approx((1 / 6 + 1 / 4) / 2, abs=1e-15),
        "apcer@test_eer": {"print": third, "replay": 0.0},
        "apcer_max@test_eer": third,
        "bpcer@test_eer": 0.25,
        "acer@test_eer": pytest.approx((1 / 3 + 1 / 4) / 2, abs=1e-15),
        "threshold@0.5": 0.5,
        "hter@0.5": pytest.approx((2 / 6 + 1 / 4) / 2, abs=1e-15),
        "apcer@0.5": {"print": third, "replay": third},
        "apcer_max@0.5": third,
        "bpcer@0.5": 0.25,
        "acer@0.5": pytest.approx((1 / 3 + 1 / 4) / 2, abs=1e-15),
        "threshold@dev_eer": 0.75,
        "hter@dev_eer": 0.25,  # FPR 0, FNR 2/4
        "apcer@dev_eer": {"print": 0.0, "replay": 0.0},
        "apcer_max@dev_eer": 0.0,
        "bpcer@dev_eer": 0.5,
        "acer@dev_eer": 0.25,
        # with three prints and three replays none may pass at any of the rates; above 0.7 the least score is 0.8
        **{f"threshold@test_bpcer{n}": 0.8 for n in (10, 20, 100)},
        **{f"bpcer{n}@test": 0.5 for n in (10, 20, 100)},
        **{f"apcer_max@test_bpcer{n}": 0.0 for n in (10, 20, 100)},
        **{f"threshold@dev_bpcer{n}": 0.75 for n in (10, 20, 100)},
        **{f"bpcer{n}@dev": 0.5 for n in (10, 20, 100)},
        **{f"apcer_max@dev_bpcer{n}": 0.0 for n in (10, 20, 100)},
        "n_live": 4,
        "n_spoof": 6,
        "n_by_attack": {"print": 3, "replay": 3},
        "n_dev_live": 2,
        "n_dev_spoof": 2,
        "n_subjects": None,
        "interval": None,
    }
    assert "hter" not in result  # never a bare one
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_report_invents_nothing() -> None:
    without_dev = report(ScoreSet(SCORES, LABELS, ATTACKS))
    at_dev = {f"{metric}@dev_eer" for metric in ("threshold", "hter", "apcer", "apcer_max", "bpcer", "acer")}
    for n in (10, 20, 100):
        at_dev |= {f"bpcer{n}@dev", f"threshold@dev_bpcer{n}", f"apcer_max@dev_bpcer{n}"}
    assert {name for name, value in without_dev.items() if value is None} == at_dev | {"n_subjects", "interval"}
    assert without_dev["n_dev_live"] == 0
    one_class_dev = report(ScoreSet(SCORES, LABELS, ATTACKS), ScoreSet([0.5], [1], ["print"]))
    assert one_class_dev["hter@dev_eer"] is None
    assert one_class_dev["bpcer20@dev"] is None
    assert (one_class_dev["n_dev_live"], one_class_dev["n_dev_spoof"]) == (0, 1)
    only_spoof = report(ScoreSet([0.7, 0.2], [1, 1], ["print", "print"], ["a", "b"]))
    assert only_spoof["apcer@0.5"] == {"print": 0.5}
    assert only_spoof["apcer_max@0.5"] == 0.5
    for name in ("auc", "d_eer", "tpr@fpr=1%", "hter@test_eer", "hter@0.5", "bpcer@0.5", "acer@0.5", "interval"):
        assert only_spoof[name] is None
    assert only_spoof["threshold@test_eer"] is only_spoof["bpcer20@test"] is None
    only_live = report(ScoreSet([0.7, 0.2], [0, 0], ["live", "live"]))
    assert only_live["bpcer@0.5"] == 0.5
    for name in ("auc", "apcer@0.5", "apcer_max@0.5", "acer@0.5"):
        assert only_live[name] is None
    json.dumps(report(ScoreSet([], [], [])), allow_nan=False)


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


@given(rows(), st.integers(-6, 6))
def test_ranges(both: Rows, threshold: int) -> None:
    scores, labels = both
    assert 0.0 <= auc(scores, labels) <= 1.0
    assert 0.0 <= d_eer(scores, labels) <= 1.0
    assert 0.0 <= hter(scores, labels, threshold) <= 1.0
    attacks = ["live" if label == 0 else f"attack{index % 3}" for index, label in enumerate(labels)]
    pooled = (hter(scores, labels, threshold), acer(scores, labels, attacks, threshold))
    assert pooled[0] <= pooled[1] + 1e-12  # the worst attack is never easier than all of them pooled


@given(st.lists(st.floats(0.6, 1.0), min_size=1), st.lists(st.floats(0.0, 0.4), min_size=1))
def test_separable_classes_are_told_apart(live: list[float], spoof: list[float]) -> None:
    scores, labels = live + spoof, [0] * len(live) + [1] * len(spoof)
    assert auc(scores, labels) == 1.0
    assert d_eer(scores, labels) == 0.0
    assert eer_threshold(scores, labels) == min(live)
    assert hter(scores, labels, eer_threshold(scores, labels)) == 0.0
    assert hter(scores, labels, 0.5) == 0.0


@given(rows())
def test_the_eer_threshold_balances_the_two_errors(both: Rows) -> None:
    scores, labels = both
    live: npt.NDArray[np.int64] = np.array(scores)[np.array(labels) == 0]
    spoof: npt.NDArray[np.int64] = np.array(scores)[np.array(labels) == 1]

    def gap(threshold: float) -> float:
        return float(abs(np.mean(spoof >= threshold) - np.mean(live < threshold)))

    assert gap(eer_threshold(scores, labels)) == pytest.approx(min(gap(score) for score in [*scores, 99]), abs=1e-12)


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
