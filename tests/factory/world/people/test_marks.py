"""Lines, folds and spots: where they lie and how deep."""

from __future__ import annotations

import numpy as np

from factory.world.people.marks import fine_lines, folds, spots
from factory.world.scene import Floats

SIDE = 256


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def centre(image: Floats) -> tuple[float, float]:
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE
    return float((image * x).sum() / image.sum()), float((image * y).sum() / image.sum())


def test_lines_and_folds_deepen_with_age() -> None:
    for drawn in (fine_lines, folds):
        young, middle, old = (drawn(seeded(), SIDE, age) for age in (0.0, 0.5, 1.0))
        assert young.sum() < middle.sum() < old.sum()
        assert young.shape == (SIDE, SIDE) and young.min() >= 0 and old.max() <= 1
    assert not fine_lines(seeded(), SIDE, 0.0).any()


def test_marks_lie_on_both_halves_of_the_face_and_follow_the_seed() -> None:
    for drawn in (fine_lines, folds):
        image = drawn(seeded(), SIDE, 1.0)
        assert abs(centre(image)[0] - 0.5) < 0.04
        assert np.abs(np.argwhere(image > 0.1) / SIDE - 0.6).max() < 0.35
        assert np.array_equal(image, drawn(seeded(), SIDE, 1.0))
        assert not np.array_equal(image, drawn(seeded(1), SIDE, 1.0))


def test_spots_lie_where_they_are_told() -> None:
    image = spots(seeded(), SIDE, 60, (0.002, 0.006), (0.3, 0.7, 0.03, 0.03))
    assert image.min() >= 0 and 0.2 < image.max() <= 1
    assert np.allclose(centre(image), (0.3, 0.7), atol=0.03)
    assert not spots(seeded(), SIDE, 0, (0.002, 0.006), (0.3, 0.7, 0.03, 0.03)).any()
    large = spots(seeded(), SIDE, 60, (0.004, 0.012), (0.3, 0.7, 0.03, 0.03))
    assert large.sum() > 2 * image.sum()
