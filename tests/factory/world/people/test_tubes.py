"""Tubes along lines."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.people.tubes import SIDES, tube
from factory.world.scene import Material
from tests.factory.world.people.heads import sound, volume

STEPS = np.linspace(0, 2 * np.pi, 60, endpoint=False)
CIRCLE = 0.1 * np.stack([np.cos(STEPS), np.sin(STEPS), 0 * STEPS], axis=1)
POLYGON = SIDES / 2 * np.sin(2 * np.pi / SIDES)  # its area where the radius is one


@pytest.mark.parametrize("line", [CIRCLE, CIRCLE[::-1]])
def test_a_closed_tube_faces_outwards_and_holds_its_volume(line: np.ndarray) -> None:  # type: ignore[type-arg]
    ring = tube(line, np.full(60, 0.01), Material(), closed=True)
    assert sound(ring) and len(ring.triangles) == 2 * 60 * SIDES
    assert volume(ring) == pytest.approx(2 * np.pi * 0.1 * POLYGON * 0.01**2, rel=0.01)


def test_every_point_lies_its_radius_from_the_line() -> None:
    line = np.stack([np.linspace(0, 1, 9), np.zeros(9), np.zeros(9)], axis=1)
    radius = np.linspace(0.01, 0.05, 9)
    points = tube(line, radius, Material()).points.reshape(9, SIDES, 3)
    assert np.allclose(np.linalg.norm(points[..., 1:], axis=2), radius[:, None], atol=1e-6)
    assert np.allclose(points[..., 0], line[:, :1], atol=1e-6)


def test_a_flat_tube_is_half_as_thick_across() -> None:
    line = np.stack([np.linspace(0, 1, 9), np.zeros(9), np.zeros(9)], axis=1)
    points = tube(line, np.full(9, 0.02), Material(), flat=np.array([0.0, 0.0, 1.0])).points
    assert np.ptp(points[:, 2]) == pytest.approx(0.04, rel=0.01)
    assert np.ptp(points[:, 1]) == pytest.approx(0.02, rel=0.06)
