"""Surfaces of rooms: reflectances, and what each of them shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from factory.world.capture import textures
from factory.world.scene import Floats

GREY = np.full(3, 0.4, np.float32)
REFLECTING: dict[str, Callable[[np.random.Generator], Floats]] = {
    "paint": lambda generator: textures.paint(generator, GREY),
    "wood": lambda generator: textures.wood(generator, GREY, 12),
    "shelves": textures.shelves,
    "picture": textures.picture,
    "curtain": lambda generator: textures.curtain(generator, GREY),
    "cloth": lambda generator: textures.cloth(generator, GREY),
    "leaves": textures.leaves,
    "door": lambda generator: textures.door(generator, GREY),
    "tiles": lambda generator: textures.tiles(generator, GREY),
    "writing": textures.writing,
    "screen": lambda generator: textures.screen(generator, 1.0),
    "outdoors": lambda generator: textures.outdoors(generator, 0.5),
}


@pytest.mark.parametrize("name", REFLECTING)
def test_a_surface_is_within_reflectances_not_flat_and_follows_the_generator(name: str) -> None:
    made = REFLECTING[name]
    for seed in range(5):
        image = made(np.random.default_rng(seed))
        assert image.ndim == 3 and np.isfinite(image).all()
        assert image.min() >= 0 and image.max() <= 1
        assert image[..., :3].std() > 0.004
        assert np.array_equal(image, made(np.random.default_rng(seed)))
    assert not np.array_equal(image, made(np.random.default_rng(9)))


def test_a_plant_has_gaps_and_what_is_there_is_green() -> None:
    image = textures.leaves(np.random.default_rng(0))
    assert set(np.unique(image[..., 3])) == {0, 1} and 0.1 < image[..., 3].mean() < 0.8
    red, green, blue = image[image[..., 3] > 0][:, :3].mean(axis=0)
    assert green > red > blue


def test_lamps_go_from_warm_to_cold() -> None:
    assert textures.lamp_colour(6500) == pytest.approx((1, 1, 1))
    ratios = [textures.lamp_colour(kelvin)[0] / textures.lamp_colour(kelvin)[2] for kelvin in (2500, 4000, 6500, 9000)]
    assert ratios == sorted(ratios, reverse=True) and ratios[0] > 3


def test_drawn_colours_are_bounded_and_some_have_a_hue() -> None:
    colours = np.stack([textures.drawn_colour(np.random.default_rng(seed), 0.6, (0.2, 0.7)) for seed in range(80)])
    assert colours.min() >= 0.02 and colours.max() <= 0.9
    assert colours.mean(axis=1).min() + 0.03 >= 0.2 and colours.mean(axis=1).max() <= 0.73
    hue = np.ptp(colours, axis=1) / colours.mean(axis=1)
    assert np.median(hue) < 0.6 and hue.max() > 0.5
    grey = textures.drawn_colour(np.random.default_rng(1), 0.0, (0.2, 0.7))
    assert np.ptp(grey) < 1e-6


def test_clouds_are_around_nothing_and_blinds_are_slats() -> None:
    field = textures.clouds(np.random.default_rng(0), 64, 64)
    assert field.shape == (64, 64) and abs(field.mean()) < 0.5 and 0.4 < field.std() < 1.6
    slats = textures.blinds(GREY)
    assert np.ptp(slats, axis=1).max() == 0 and len(np.unique(slats[:, 0, 0])) == 2
