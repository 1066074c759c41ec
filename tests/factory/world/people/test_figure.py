"""Figures: what stands where, and that it is all there."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.people.figure import figure
from factory.world.people.person import Moment
from factory.world.scene import Mesh
from tests.factory.world.people.heads import somebody, sound


@pytest.mark.parametrize("seed", range(4))
def test_a_figure_is_finite_and_between_its_eyes(seed: int) -> None:
    made = figure(somebody(seed), Moment.from_seed(seed))
    for body in made.bodies:
        assert np.isfinite(body.points).all()
        if isinstance(body, Mesh):
            assert sound(body)
    right, left, nose, mouth_right, mouth_left = made.landmarks
    assert np.allclose((right + left) / 2, 0, atol=1e-4)
    assert right[0] < -0.02 < 0.02 < left[0]
    assert 0.02 < -nose[1] < 0.07 and nose[2] > max(right[2], left[2])
    assert mouth_right[0] < mouth_left[0] and max(mouth_right[1], mouth_left[1]) < nose[1]


def test_equal_seeds_give_equal_figures() -> None:
    one, other = (figure(somebody(3), Moment.from_seed(9)) for _ in range(2))
    assert all(np.array_equal(a.points, b.points) for a, b in zip(one.bodies, other.bodies, strict=True))
