"""The report by hand, and that it invents nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from difffas.metrics import ScoreSet, report
from tests.difffas.metrics.faces import ATTACKS, LABELS, SCORES


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
        # of two live faces of the development set none may be rejected
        "threshold@dev_bpcer=1%": 0.75,
        "hter@dev_bpcer=1%": 0.25,
        "apcer@dev_bpcer=1%": {"print": 0.0, "replay": 0.0},
        "apcer_max@dev_bpcer=1%": 0.0,
        "bpcer@dev_bpcer=1%": 0.5,
        "acer@dev_bpcer=1%": 0.25,
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


def test_acer_where_one_percent_of_the_development_set_s_live_faces_are_rejected() -> None:
    """WMCA's convention, by hand: of 200 live dev faces 2 may be rejected, so the third lowest is the threshold."""
    live = [0.30, 0.40, 0.45, *(0.5 + n / 1000 for n in range(197))]
    dev = ScoreSet([*live, 0.44, 0.46], [0] * 200 + [1, 1], ["live"] * 200 + ["print", "mask"])
    attacks = [*["live"] * 4, "print", "print", "mask", "mask"]
    test = ScoreSet([0.9, 0.45, 0.44, 0.2, 0.45, 0.1, 0.46, 0.3], [0] * 4 + [1] * 4, attacks)
    found = report(test, dev)
    assert found["threshold@dev_bpcer=1%"] == 0.45
    assert found["bpcer@dev_bpcer=1%"] == 2 / 4  # 0.44 and 0.2
    assert found["apcer@dev_bpcer=1%"] == {"print": 1 / 2, "mask": 1 / 2}
    assert found["acer@dev_bpcer=1%"] == found["hter@dev_bpcer=1%"] == 0.5
    assert found["threshold@dev_eer"] != 0.45


def test_report_invents_nothing() -> None:
    without_dev = report(ScoreSet(SCORES, LABELS, ATTACKS))
    rates = ("threshold", "hter", "apcer", "apcer_max", "bpcer", "acer")
    at_dev = {f"{metric}@{threshold}" for metric in rates for threshold in ("dev_eer", "dev_bpcer=1%")}
    for n in (10, 20, 100):
        at_dev |= {f"bpcer{n}@dev", f"threshold@dev_bpcer{n}", f"apcer_max@dev_bpcer{n}"}
    assert {name for name, value in without_dev.items() if value is None} == at_dev | {"n_subjects", "interval"}
    assert without_dev["n_dev_live"] == 0
    one_class_dev = report(ScoreSet(SCORES, LABELS, ATTACKS), ScoreSet([0.5], [1], ["print"]))
    assert one_class_dev["hter@dev_eer"] is None
    assert one_class_dev["bpcer20@dev"] is None
    assert (one_class_dev["n_dev_live"], one_class_dev["n_dev_spoof"]) == (0, 1)
    only_spoof: dict[str, Any] = dict(report(ScoreSet([0.7, 0.2], [1, 1], ["print", "print"], ["a", "b"])))
    assert only_spoof["apcer@0.5"] == {"print": 0.5}
    assert only_spoof["apcer_max@0.5"] == 0.5
    for name in ("auc", "d_eer", "tpr@fpr=1%", "hter@test_eer", "hter@0.5", "bpcer@0.5", "acer@0.5", "interval"):
        assert only_spoof[name] is None
    assert only_spoof["threshold@test_eer"] is only_spoof["bpcer20@test"] is None
    only_live: dict[str, Any] = dict(report(ScoreSet([0.7, 0.2], [0, 0], ["live", "live"])))
    assert only_live["bpcer@0.5"] == 0.5
    for name in ("auc", "apcer@0.5", "apcer_max@0.5", "acer@0.5"):
        assert only_live[name] is None
    json.dumps(report(ScoreSet([], [], [])), allow_nan=False)
