"""Normals of surfaces whose normals are known."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.surface import point_normals


def test_a_flat_sheet_faces_one_way_whatever_its_triangles() -> None:
    points = np.array([[0.0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]])
    assert point_normals(points, np.array([[0, 1, 2], [0, 2, 3]])) == pytest.approx(np.tile((0, 0, 1), (4, 1)))
    assert point_normals(points, np.array([[2, 1, 0], [3, 2, 0]])) == pytest.approx(np.tile((0, 0, -1), (4, 1)))


def test_larger_triangles_weigh_more() -> None:
    roof = np.array([[0.0, 0, 0], [0, 1, 0], [3, 0, 0], [0, 0, 1]])  # triangles along z and along x, 3 to 1
    ridge = point_normals(roof, np.array([[0, 2, 1], [0, 1, 3]]))[0]
    assert ridge == pytest.approx(np.array([1, 0, 3]) / np.sqrt(10))
