"""The base mesh, its targets and its surface."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.people.head import BODY, LEFT_EYE, RIGHT_EYE, base, mirrored, quarters, shaped, surface
from factory.world.scene import Material
from tests.factory.world.people.heads import rested, sound


def test_mirrored_points_are_opposite() -> None:
    numbers = mirrored()
    assert np.array_equal(numbers[numbers], np.arange(len(numbers)))


def test_surface_keeps_the_points_and_faces_outwards() -> None:
    points = shaped({})
    mesh = surface(points, BODY, Material())
    body = np.unique(base().quads[base().part == BODY])
    kept = {tuple(point) for point in mesh.points.tolist()}
    assert all(tuple(point) in kept for point in points[body].tolist())
    nose = int(np.argmax(mesh.points[:, 2]))
    corners = mesh.points[mesh.triangles[(mesh.triangles == nose).any(axis=1)]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).sum(axis=0)
    assert normal[2] > 0


def test_the_base_head_is_the_same_on_both_sides() -> None:
    points = base().points
    assert np.allclose(points[mirrored()], points * [-1, 1, 1], atol=2e-5)
    assert np.abs(points).max() < 0.4


def test_targets_add_up_by_their_weights() -> None:
    name = "nose/nose-scale-horiz-incr"
    once, twice, both = shaped({name: 0.5}), shaped({name: 1.0}), shaped({name: 0.5, "chin/chin-width-incr": 0.5})
    assert np.array_equal(shaped({}), base().points)
    assert np.allclose(twice - base().points, 2 * (once - base().points), atol=1e-6)
    assert np.allclose(both - once, shaped({"chin/chin-width-incr": 0.5}) - base().points, atol=1e-6)
    with pytest.raises(KeyError):
        shaped({"nose/none": 1.0})


@pytest.mark.parametrize("part", [BODY, LEFT_EYE, RIGHT_EYE])
def test_a_surface_is_sound_and_makes_eight_triangles_of_a_quad(part: int) -> None:
    mesh = surface(rested(0), part, Material())
    quads = base().part == part
    assert sound(mesh) and len(mesh.triangles) == 8 * quads.sum()
    assert 0 <= mesh.uv.min() < mesh.uv.max() <= 1


def test_quarters_are_the_triangles_of_their_quads() -> None:
    mesh = surface(base().points, BODY, Material())
    quads = base().quads[base().part == BODY]
    low = base().points[quads][..., 1].max(axis=1) < -0.25
    part = mesh.points[mesh.triangles[quarters(low)]]
    assert len(part) == 8 * low.sum() and part[..., 1].max() < -0.245
