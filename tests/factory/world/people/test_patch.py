"""Short hairs along the skin."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from factory.world.people.patch import AT_ONCE, Patch, along_skin, patch
from factory.world.people.roots import sprinkled
from tests.factory.world.people.heads import mixed


@cache
def forehead() -> Patch:
    return patch(mixed(), lambda places: (places[:, 1] > 0.02) & (places[:, 1] < 0.07) & (places[:, 2] > -0.03))


def test_a_patch_has_unit_normals_that_face_forwards() -> None:
    assert len(forehead().points) == len(forehead().normals) > 100
    assert np.allclose(np.linalg.norm(forehead().normals, axis=1), 1, atol=1e-4)
    assert forehead().normals[:, 2].min() > 0


def test_laid_places_are_as_far_off_the_skin_as_told() -> None:
    grid = np.array([[x, y, 0] for x in range(5) for y in range(5)], np.float32)
    skin = Patch(grid, np.tile(np.array([0, 0, 1], np.float32), (25, 1)))
    places = np.array([[1.2, 2.3, 0.7], [3.0, 3.1, -0.4]], np.float32)
    assert np.allclose(skin.laid(places, 0.1), [[1.2, 2.3, 0.1], [3.0, 3.1, 0.1]], atol=1e-6)
    assert np.allclose(skin.laid(places, np.array([0.0, 0.2], np.float32))[:, 2], [0, 0.2], atol=1e-6)


def test_each_of_many_places_is_laid_onto_the_skin_nearest_to_it() -> None:
    generator = np.random.default_rng(0)
    places = generator.normal(0, 0.05, (2 * AT_ONCE + 7, 3)).astype(np.float32)
    near = np.linalg.norm(places[:, None] - forehead().points[None], axis=2).argmin(axis=1)
    above = np.sum((forehead().laid(places, 0.01) - forehead().points[near]) * forehead().normals[near], axis=1)
    assert np.median(np.abs(above - 0.01)) < 1e-6 and (np.abs(above - 0.01) < 1e-4).mean() > 0.98


@pytest.mark.parametrize("lift", [0.0, 0.5])
def test_hairs_are_as_long_as_told_run_their_way_and_rise(lift: float) -> None:
    roots = sprinkled(
        lambda places: np.asarray(
            (places[:, 1] > 0.03) & (places[:, 1] < 0.06) & (places[:, 2] > -0.02) & (np.abs(places[:, 0]) < 0.03),
            np.float32,
        ),
        100,
        np.random.default_rng(0),
    )
    right = np.tile(np.array([1, 0, 0], np.float32), (100, 1))
    path = along_skin(roots, mixed(), forehead(), right, np.full(100, 0.01, np.float32), lift, 6)
    assert path.shape == (100, 6, 3) and np.isfinite(path).all()
    assert np.median(path[:, -1, 0] - path[:, 0, 0]) > 0.007
    apart = np.linalg.norm(path[:, -1:] - forehead().points[None], axis=2).min(axis=1)
    reach = np.linalg.norm(np.diff(path, axis=1), axis=2).sum(axis=1)
    assert 0.008 < np.median(reach) < 0.014
    assert (path[:, -1] - path[:, 0])[:, 2].mean() > (0.002 if lift else -0.004)
    assert np.median(apart) > 0.002 * (lift > 0)
