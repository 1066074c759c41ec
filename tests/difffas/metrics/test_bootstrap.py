"""Intervals: the weighted metrics are the metrics of the repeated rows, and the intervals are those of people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difffas.metrics import ScoreSet, intervals, report
from difffas.metrics.bootstrap import resampled, weighted
from tests.growth import grows_at_most

FIXED = {"0.5": 0.5, "dev_eer": 0.4, "dev_bpcer20": 0.55}


def people(number: int, frames: int = 4, seed: int = 0, attacks: tuple[str, ...] = ("print", "replay")) -> ScoreSet:
    """So many people, each live and under every attack; each has an own level."""
    rng = np.random.default_rng(seed)
    names = ["live", *attacks]
    level = rng.normal(0, 0.08, number)
    lines = [(p, name) for p in range(number) for name in names for _ in range(frames)]
    mean = {"live": 0.65, "print": 0.35, "replay": 0.45}
    scores = [float(np.round(mean[name] + level[p] + rng.normal(0, 0.12), 2)) for p, name in lines]
    labels = [int(name != "live") for _, name in lines]
    return ScoreSet(scores, labels, [name for _, name in lines], [f"p{p}" for p, _ in lines])


def repeated(test: ScoreSet, counts: np.ndarray) -> ScoreSet:
    """The rows of a draw, written out."""
    assert test.subjects is not None
    subject = np.unique(test.subjects, return_inverse=True)[1]
    at = np.repeat(np.arange(len(subject)), counts[subject]).tolist()
    scores, labels = np.asarray(test.scores)[at], np.asarray(test.labels)[at]
    return ScoreSet(scores, labels, [test.attacks[i] for i in at], [test.subjects[i] for i in at])


def expected(test: ScoreSet) -> dict[str, Any]:
    """The report, and what is known of it at the fixed thresholds."""
    from difffas.metrics import bpcer

    found: dict[str, Any] = dict(report(test, resamples=0))
    for name in ("dev_eer", "dev_bpcer20"):
        key = "bpcer20@dev" if "_bpcer" in name else f"bpcer@{name}"
        found[key] = bpcer(test.scores, test.labels, FIXED[name])
    return found


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 6))
def test_weights_are_repeated_rows(seed: int, number: int) -> None:
    test = people(number, frames=2, seed=seed)
    counts = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=3)
    subject = np.unique(np.asarray(test.subjects), return_inverse=True)[1]
    found = weighted(test, subject, counts, FIXED)
    for draw in range(3):
        by_hand = expected(repeated(test, counts[draw]))
        names = [name for name in found if by_hand.get(name) is not None]
        assert {"auc", "d_eer", "tpr@fpr=1%", "hter@test_eer", "acer@0.5", "bpcer10@test", "bpcer20@dev"} <= {*names}
        assert {"apcer_max@test_bpcer10", "apcer_max@test_eer", "bpcer@dev_eer"} <= {*names}
        for name in names:
            assert found[name][draw] == pytest.approx(by_hand[name], abs=1e-12), name


def test_everyone_once_is_the_report() -> None:
    test = people(7)
    subject = np.unique(np.asarray(test.subjects), return_inverse=True)[1]
    found = weighted(test, subject, np.ones((1, 7), dtype=np.int64), {"0.5": 0.5})
    point: dict[str, Any] = dict(report(test, resamples=0))
    for name, values in found.items():
        assert values[0] == pytest.approx(point[name], abs=1e-12), name


def test_the_seed_decides_and_every_figure_of_the_report_has_an_interval() -> None:
    test, dev = people(12), people(9, seed=1)
    found: dict[str, Any] = dict(report(test, dev, resamples=200))
    interval = found["interval"]
    assert (interval["level"], interval["resamples"], interval["seed"], found["n_subjects"]) == (0.95, 200, 0, 12)
    rates = ("auc", "d_eer", "tpr@fpr", "hter@", "acer@", "bpcer", "apcer_max@")
    assert set(interval["bounds"]) == {name for name in found if name.startswith(rates)}
    for name, bounds in interval["bounds"].items():
        assert bounds[0] <= bounds[1], name
    assert interval["bounds"]["auc"][0] < found["auc"] < interval["bounds"]["auc"][1]
    assert report(test, dev, resamples=200) == found
    other = report(test, dev, resamples=200, seed=1)["interval"]
    assert other is not None and other["bounds"] != interval["bounds"]


def test_percentiles_of_all_draws_in_any_number_of_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    test = people(5)
    whole = resampled(test, {"0.5": 0.5}, 50, seed=3)
    low, high = np.percentile(whole["hter@0.5"], [5, 95])
    monkeypatch.setattr("difffas.metrics.bootstrap.CELLS", 7 * 60)
    assert all(np.array_equal(values, whole[name]) for name, values in resampled(test, {"0.5": 0.5}, 50, 3).items())
    assert intervals(test, {"0.5": 0.5}, 50, level=0.9, seed=3)["hter@0.5"] == [low, high]


def test_people_are_drawn_and_not_frames() -> None:
    """A hundred equal frames of each person say no more than one."""
    few, many = people(10, frames=1), people(10, frames=1)
    copies = ScoreSet(*(np.repeat(np.asarray(column), 100).tolist() for column in vars(many).values()))
    of_few = intervals(few, {"0.5": 0.5}, 100)
    for name, bounds in intervals(copies, {"0.5": 0.5}, 100).items():
        assert bounds == pytest.approx(of_few[name], abs=1e-12), name


def test_no_interval_where_a_class_is_often_not_drawn() -> None:
    """The only attacker is in 1 − (1 − 1/4)⁴ = 68 % of the draws."""
    test = ScoreSet([0.9, 0.8, 0.7, 0.6, 0.2], [0, 0, 0, 0, 1], ["live"] * 4 + ["print"], ["a", "b", "c", "d", "a"])
    found = intervals(test, {"0.5": 0.5}, 400)
    assert found["auc"] is found["d_eer"] is found["hter@test_eer"] is found["bpcer20@test"] is None
    assert found["tpr@fpr=1%"] is found["hter@0.5"] is found["apcer_max@0.5"] is None
    assert found["bpcer@0.5"] == [0.0, 0.0]


def test_one_person_has_no_interval() -> None:
    assert report(people(1))["interval"] is None
    assert report(people(3), resamples=0)["interval"] is None


def test_the_interval_costs_by_the_frame() -> None:
    grows_at_most(lambda count: report(people(count, frames=34), resamples=300), 50)


def test_the_interval_covers() -> None:
    """Of 60 samples of 40 people most 95 % intervals hold the true HTER at 0.5, found on 4,000 people."""
    truth = report(people(4000, frames=1, seed=99), resamples=0)["hter@0.5"]
    assert truth is not None
    bounds = [intervals(people(40, frames=1, seed=seed), {"0.5": 0.5}, 200)["hter@0.5"] for seed in range(60)]
    inside = sum(low <= truth <= high for low, high in (pair for pair in bounds if pair))
    assert 50 <= inside <= 60
