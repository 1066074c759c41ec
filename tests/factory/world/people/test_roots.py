"""Roots of hairs on the skin."""

from __future__ import annotations

import numpy as np

from factory.world.people.head import BODY, base, mirrored
from factory.world.people.roots import ears, skin_normals, sprinkled
from factory.world.scene import Floats
from tests.factory.world.people.heads import mixed


def left_forehead(places: Floats) -> Floats:
    return np.asarray((places[:, 0] > 0.005) & (places[:, 1] > 0.03) & (places[:, 2] > -0.02), np.float32)


def test_roots_lie_in_their_triangles_where_hair_grows() -> None:
    roots = sprinkled(left_forehead, 500, np.random.default_rng(0))
    assert len(roots.weights) == 500
    assert roots.weights.min() >= 0 and np.allclose(roots.weights.sum(axis=1), 1, atol=1e-6)
    assert (left_forehead(roots.at(base().points)) == 1).all()
    assert np.array_equal(roots.at(np.ones((len(base().points), 1), np.float32)).round(5), np.ones((500, 1)))


def test_equal_generators_sow_equal_roots_and_half_the_density_half_the_hairs() -> None:
    def thinner(places: Floats) -> Floats:
        return np.asarray((places[:, 1] > 0.03) * np.where(places[:, 0] > 0, 1.0, 0.5), np.float32)

    one, again = (sprinkled(thinner, 4000, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one.weights, again.weights) and np.array_equal(one.corners, again.corners)
    assert 0.29 < (one.at(base().points)[:, 0] < 0).mean() < 0.38


def test_normals_are_of_unit_length_and_face_outwards() -> None:
    body = np.unique(base().quads[base().part == BODY])
    normals = skin_normals(mixed())
    assert np.allclose(np.linalg.norm(normals[body], axis=1), 1, atol=1e-4)
    assert normals[mixed()[:, 1].argmax(), 1] > 0.9 and normals[mixed()[:, 2].argmax(), 2] > 0.5
    back = body[mixed()[body, 2].argmin()]
    assert normals[back, 2] < -0.5


def test_ears_are_at_both_sides() -> None:
    marked = ears()[:, 0] > 0.5
    assert marked.shape == (len(base().points),) and 100 < marked.sum() < 0.3 * len(marked)
    assert np.abs(base().points[marked, 0]).min() > 0.05
    assert (marked == marked[mirrored()]).mean() > 0.999
