"""Differences: the interval of a known case, and how often intervals of known effects hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from factory.benchmark.differences import Difference, Paired, difference, people_drawn, student


@pytest.mark.parametrize("freedom", [1.0, 1.7, 2.0, 4.0, 9.5, 23.0, 400.0])
def test_student_is_scipys(freedom: float) -> None:
    assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-5)


def test_people_are_drawn_alike_every_time() -> None:
    drawn = people_drawn(7, 50)
    assert drawn.shape == (50, 7) and (drawn.sum(axis=1) == 7).all()
    assert (drawn == people_drawn(7, 50)).all()


def test_with_alike_people_it_is_the_t_interval_over_seeds() -> None:
    seeds = np.array([0.01, 0.03, 0.02, 0.05, 0.04])
    found = difference([Paired(seeds, np.tile(seeds[:, None], 100))], 24)
    low, high = stats.t.interval(0.95, 4, loc=seeds.mean(), scale=stats.sem(seeds))
    assert (found.value, found.low, found.high) == pytest.approx((0.03, low, high))
    assert (found.seeds, found.protocols, found.sign) == (5, 1, 1)


def test_with_alike_seeds_it_is_the_t_interval_over_people() -> None:
    people = np.random.default_rng(3).normal(-0.1, 0.1, 20)
    draws = people_drawn(20, 20_000) @ people / 20
    found = difference([Paired(np.full(5, people.mean()), np.tile(draws, (5, 1)))], 20)
    low, high = stats.t.interval(0.95, 19, loc=people.mean(), scale=stats.sem(people))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.002)
    assert found.sign == -1


def test_no_difference_at_all_has_an_interval_of_no_width() -> None:
    found = difference([Paired(np.zeros(3), np.zeros((3, 100)))], 8)
    assert found == Difference(0.0, 0.0, 0.0, 3, 1)
    assert found.sign == 0


@pytest.mark.parametrize(
    ("seeds", "draws", "people"),
    [
        (np.zeros(1), np.zeros((1, 100)), 8),
        (np.zeros(3), np.full((3, 100), np.nan), 8),
        (np.zeros(3), np.zeros((3, 9)), 1),
    ],
)
def test_without_several_seeds_or_people_there_is_no_interval(
    seeds: np.ndarray, draws: np.ndarray, people: int
) -> None:
    found = difference([Paired(seeds, draws)], people)
    assert (found.low, found.high, found.sign) == (None, None, 0)


@pytest.mark.parametrize(("protocols", "of_seed", "of_person", "of_both"), [(1, 0.1, 0.3, 0.3), (4, 0.2, 0.1, 0.5)])
def test_95_percent_of_the_intervals_hold_a_known_effect(
    protocols: int, of_seed: float, of_person: float, of_both: float
) -> None:
    """People are the same in all protocols, seeds are not; effects are drawn with these deviations."""
    rng, truth, people, seeds = np.random.default_rng(1), 0.2, 16, 5
    drawn = people_drawn(people, 300)
    hits, widths = 0, []
    for _ in range(300):
        person = rng.normal(0, of_person, people)
        paired = []
        for _ in range(protocols):
            seed = rng.normal(0, of_seed, (seeds, 1))
            values = truth + person + seed + rng.normal(0, of_both, (seeds, people))
            paired.append(Paired(values.mean(axis=1), (drawn @ values.T / people).T))
        found = difference(paired, people)
        assert found.low is not None and found.high is not None
        hits += found.low <= truth <= found.high
        widths.append(found.high - found.low)
    assert 0.93 <= hits / 300 <= 1.0
    exact = (
        2
        * 2.1
        * np.sqrt(of_person**2 / people + of_seed**2 / seeds / protocols + of_both**2 / people / seeds / protocols)
    )
    assert np.mean(widths) < 2.0 * exact, "wide enough, and not useless"
