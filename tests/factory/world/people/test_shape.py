"""Weights of targets."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.people.ancestry import Ancestry, Sex
from factory.world.people.head import base
from factory.world.people.person import Moment, Person
from factory.world.people.shape import expression_drawn, lids, macro_weights, weights_drawn

PEOPLE = [Person.from_seed(seed) for seed in range(24)]


def test_targets_of_sex_age_and_ancestry_sum_to_one() -> None:
    for person in PEOPLE:
        macro = [
            weight for name, weight in person.weights.items() if name[:13] == "macrodetails/" and "univ" not in name
        ]
        assert sum(macro) == pytest.approx(1)
        assert set(person.weights) <= set(base().targets)
        assert set(Moment.from_seed(person.seed).expression) <= set(base().targets)


def test_age_moves_weight_from_young_to_old() -> None:
    def old(age: float) -> float:
        made = macro_weights("female", age, Ancestry(0.2, 0.3, 0.5), np.random.default_rng(0))
        return sum(weight for name, weight in made.items() if name.endswith("-old"))

    assert old(18) == 0 < old(50) < old(80) < 1


@pytest.mark.parametrize("sex", ["female", "male"])
def test_no_feature_is_drawn_both_ways_and_sides_are_nearly_alike(sex: Sex) -> None:
    for seed in range(10):
        made = weights_drawn(sex, np.random.default_rng(seed))
        assert set(made) <= set(base().targets)
        assert min(made.values()) > -0.3 and max(made.values()) < 1.4  # a side may overshoot a little
        for name, weight in made.items():
            if name.endswith("-incr"):
                assert name.removesuffix("incr") + "decr" not in made
            if "/l-" in name:
                assert made[name.replace("/l-", "/r-")] == pytest.approx(weight, rel=0.45, abs=1e-9)


def test_women_and_men_differ_in_the_mean() -> None:
    name = "chin/chin-width-"
    signed = {
        sex: np.mean(
            [
                made.get(name + "decr", 0.0) - made.get(name + "incr", 0.0)
                for made in (weights_drawn(sex, np.random.default_rng(seed)) for seed in range(60))
            ]
        )
        for sex in ("female", "male")
    }
    assert signed["female"] > signed["male"] + 0.1


def test_expressions_are_slight_and_lids_follow_the_eyes() -> None:
    for seed in range(30):
        made = expression_drawn(np.random.default_rng(seed))
        assert set(made) <= set(base().targets)
        assert all(0 <= weight <= 0.6 for weight in made.values())
    assert set(lids(-20)) | set(lids(20)) <= set(base().targets)
    assert list(lids(-90).values()) == [0.6, 0.6] and not any(lids(0).values())
