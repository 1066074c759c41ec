"""Spectacles: before the eyes, the same on both sides, and on some noses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory.world.people.eyes import ball
from factory.world.people.head import LEFT_EYE, RIGHT_EYE, shaped
from factory.world.people.spectacles import Spectacles, spectacles
from tests.factory.world.people.heads import rested, sound

ROUND = Spectacles(True, (0.5, 0.5, 0.5), 0.048, 0.042, 2.2, 0.0009, True)


def test_spectacles_sit_before_the_eyes() -> None:
    for seed in range(6):
        points = rested(seed)
        glasses = [body for body in spectacles(ROUND, points) if body.material.glass]
        assert len(glasses) == 2
        for glass, part in zip(glasses, (RIGHT_EYE, LEFT_EYE), strict=True):
            centre, radius = ball(points, part)
            assert abs(glass.points[-1, 0] - centre[0]) < 0.012
            assert glass.points[:, 2].min() > centre[2] + radius


@pytest.mark.parametrize("rim_below", [True, False])
def test_spectacles_are_the_same_on_both_sides(rim_below: bool) -> None:
    made = spectacles(replace(ROUND, rim_below=rim_below), shaped({}))
    assert all(sound(body) for body in made)
    for right, left in zip(made[:3], made[3:6], strict=True):  # rim, glass, temple
        for end in ("min", "max"):
            opposite = getattr(right.points * np.array([-1, 1, 1], np.float32), end)(axis=0)
            assert np.allclose(opposite, getattr(left.points, end)(axis=0), atol=2e-4)
    assert (made[0].points[:, 1].min() < -0.02) == rim_below


def test_older_people_wear_spectacles_more_often() -> None:
    young, old = ([Spectacles.drawn(np.random.default_rng(seed), age) for seed in range(200)] for age in (20.0, 80.0))
    assert 10 < sum(one is not None for one in young) < sum(one is not None for one in old) < 100
    for one in old:
        if one is not None:
            assert one.height < one.width and (one.rim_below or one.metal)
            assert 0 < one.thickness < 0.003
