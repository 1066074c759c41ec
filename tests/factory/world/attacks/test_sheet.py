from __future__ import annotations

import numpy as np

from factory.world.attacks.sheet import Sheet
from factory.world.scene import Material

BENT = Sheet(0.2, 0.3, (0.01, -0.02), (0.0, 0.0, 0.1), (0.2, -0.1, 0.05), bend=5, fold=0.3, curl=0.2, across=0.4)


def test_bending_stretches_nothing() -> None:
    u, v = np.meshgrid(np.linspace(0, 1, 200), np.linspace(0, 1, 200))
    points = BENT.at(BENT.places(np.stack([u, v], -1))).astype(np.float64)
    right = np.linalg.norm(np.diff(points, axis=1), axis=2).sum(axis=1)
    up = np.linalg.norm(np.diff(points, axis=0), axis=2).sum(axis=0)
    assert np.allclose(right, 0.2, rtol=0.01)
    assert np.allclose(up, 0.3, rtol=0.01)


def test_the_origin_is_at_the_centre_and_a_flat_sheet_faces_the_camera() -> None:
    assert np.allclose(BENT.at([0.0, 0.0]), BENT.centre, atol=1e-4)
    flat = Sheet(0.2, 0.3)
    assert np.allclose(flat.at([0.05, -0.04], 0.01), [0.05, -0.04, 0.01], atol=1e-6)


def test_the_mesh_shows_its_front() -> None:
    mesh = Sheet(0.2, 0.3).mesh(Material(), 4, 5)
    corners = mesh.points[mesh.triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (normal[:, 2] > 0).all()
    assert mesh.points[mesh.uv[:, 1].argmax(), 1] > 0


def test_before_clears_what_it_covers_and_nothing_more() -> None:
    points = np.array([[0.0, 0.0, 0.05], [0.05, 0.02, 0.01], [0.5, 0.0, 3.0]])
    sheet = Sheet(0.2, 0.3, bend=6, tilt=(0.1, 0.0, 0.0)).before(points, 0.01)
    nearest = [np.linalg.norm(sheet.mesh(Material(), 80, 80).points - point, axis=1).min() for point in points[:2]]
    assert 0.009 < min(nearest) < 0.014
    assert sheet.centre[2] < 0.2
