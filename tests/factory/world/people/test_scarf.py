"""A head scarf: where it lies, and that a seed is a scarf."""

from __future__ import annotations

import numpy as np

from factory.world.people.scarf import scarf
from factory.world.scene import Mesh
from tests.factory.world.people.heads import around, sound


def worn(seed: int) -> Mesh:
    return scarf(around(), (0.1, 0.2, 0.3), np.random.default_rng(seed))


def test_a_scarf_covers_the_scalp_and_leaves_the_face_free() -> None:
    cloth = worn(3)
    away = cloth.points - around().middle
    face = (np.abs(np.arctan2(away[:, 0], away[:, 2])) < 0.3) & (away[:, 1] > -0.09) & (away[:, 1] < 0.03)
    assert not face.any()
    above = away[:, 1] > 0.02
    assert around().depth(cloth.points[above]).max() < 0.002


def test_a_scarf_is_sound_faces_outwards_and_hangs_below_the_chin() -> None:
    cloth = worn(0)
    assert sound(cloth)
    corners = cloth.points[cloth.triangles].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = corners.mean(axis=1) - around().middle
    upper = outward[:, 1] > 0
    assert ((across * outward).sum(axis=1)[upper] > 0).mean() > 0.98
    assert cloth.points[:, 1].min() < around().middle[1] - 0.2


def test_folds_follow_the_seed() -> None:
    assert np.array_equal(worn(1).points, worn(1).points)
    assert not np.array_equal(worn(1).points, worn(2).points)
