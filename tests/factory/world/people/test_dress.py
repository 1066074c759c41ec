"""Clothes: what they cover, their colours, and that a seed is a dress."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory.world.people.dress import Dress, Garment, Pattern, dress, uncovered
from factory.world.people.head import BODY, base
from tests.factory.world.people.heads import rested, sound


@pytest.mark.parametrize("garment", ["t-shirt", "shirt", "hoodie"])
def test_clothes_cover_the_shoulders_and_leave_the_face(garment: Garment) -> None:
    points = rested(1)
    drawn = Dress.drawn(np.random.default_rng(1))
    made = dress(replace(drawn, garment=garment), points)
    assert all(sound(body) for body in made)
    high = max(float(body.points[:, 1].max()) for body in made)
    assert high < -0.06
    assert min(float(body.points[:, 0].min()) for body in made) < -0.2


@pytest.mark.parametrize("pattern", ["plain", "stripes", "checks", "melange"])
def test_cloth_is_of_its_two_colours(pattern: Pattern) -> None:
    made = replace(Dress.drawn(np.random.default_rng(0)), pattern=pattern, colour=(0.1,) * 3, second=(0.5,) * 3)
    image = dress(made, rested(1))[0].material.colour
    assert isinstance(image, np.ndarray)
    assert 0.08 < image.min() < image.max() < 0.57
    assert (image.max() > 0.25) == (pattern != "plain")


def test_equal_seeds_make_equal_clothes() -> None:
    made = Dress.drawn(np.random.default_rng(3))
    one, other = dress(made, rested(1)), dress(Dress.drawn(np.random.default_rng(3)), rested(1))
    assert all(np.array_equal(a.points, b.points) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(one[0].points, dress(replace(made, seed=made.seed ^ 1), rested(1))[0].points)


def test_clothes_hide_the_chest_and_leave_face_and_neck() -> None:
    middles = base().points[base().quads[base().part == BODY]].mean(axis=1)
    for seed in range(8):
        seen = uncovered(Dress.drawn(np.random.default_rng(seed)))
        assert seen[middles[:, 1] > -0.13].all()
        assert not seen[(middles[:, 1] < -0.3) | (np.abs(middles[:, 0]) > 0.17)].any()
