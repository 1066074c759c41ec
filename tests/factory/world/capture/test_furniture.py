"""What stands along the wall."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.capture.furniture import KINDS, furniture
from factory.world.capture.interiors import Block

FLOOR = -1.3


def placed(name: str, seed: int, x: float = 0.0, z: float = 0.0) -> Block:
    return furniture(name, np.random.default_rng(seed), FLOOR, (x, 0.0, z))


@pytest.mark.parametrize("name", KINDS)
def test_everything_is_of_a_thing_s_size_and_stands_in_the_room(name: str) -> None:
    for seed in range(6):
        block = placed(name, seed)
        size = np.subtract(block.upper, block.lower)
        assert (size > 0).all() and size[0] < 2.5 and size[1] < 2.5 and size[2] <= 1.0
        assert block.lower[1] >= FLOOR and block.upper[1] < FLOOR + 2.45
        assert block.lower[2] >= 0  # before the wall, not in it
        assert block.surface.ndim == 3 and block.surface.shape[2] in (3, 4)
        assert np.isfinite(block.surface).all() and block.surface.min() >= 0
        assert block.shines or block.surface.max() <= 1


@pytest.mark.parametrize("name", KINDS)
def test_a_thing_goes_where_it_is_put_and_follows_the_generator(name: str) -> None:
    here, there = placed(name, 1), placed(name, 1, 0.7, -2.0)
    assert np.allclose(np.subtract(there.lower, here.lower), (0.7, 0, -2.0))
    assert np.allclose(np.subtract(there.upper, here.upper), (0.7, 0, -2.0))
    assert np.array_equal(here.surface, there.surface)
    other = placed(name, 2)
    assert here.upper != other.upper or not np.array_equal(here.surface, other.surface)
