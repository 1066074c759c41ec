from __future__ import annotations

import numpy as np

from factory.world.attacks.shell import Similarity, bare, cut, fitted, head_surface, raised
from factory.world.scene import Material, Mesh, Strands
from factory.world.surface import point_normals
from tests.factory.world.attacks.stage import enrolment, impostor


def test_a_similarity_is_found_again() -> None:
    generator = np.random.default_rng(0)
    points = generator.normal(size=(40, 3))
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    there = 1.3 * points @ turn.T + [0.1, 0.2, 0.3]
    assert np.allclose(Similarity.between(points, there)(points), there)


def test_a_fitted_face_clears_the_head_and_keeps_its_features() -> None:
    head = impostor().points.astype(np.float64)
    points = fitted(enrolment().figure.points, impostor().points, 0.005)
    outward = ((points - head) * point_normals(head, head_surface().triangles)).sum(axis=1)[head_surface().front]
    assert outward.min() > 0.004
    assert np.median(outward) < 0.012


def test_a_cut_ends_at_the_line_looks_outwards_and_has_a_rim() -> None:
    rest = head_surface().rest
    inside = np.minimum(0.03 - np.hypot(rest[:, 0], rest[:, 1] - 0.045), rest[:, 2])
    mesh = cut(rest, np.zeros((len(rest), 2), np.float32), inside, 0.003, Material())
    away = np.hypot(mesh.points[:, 0], mesh.points[:, 1] - 0.045)
    assert 0.029 < away.max() < 0.0325
    corners = mesh.points[mesh.triangles].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = away[mesh.triangles].max(axis=1) < 0.02
    assert (across[middle][:, 2] > 0).all()
    assert (across[~middle][:, 2] <= 0).any()  # some of the rim


def test_hairs_under_a_mask_are_gone() -> None:
    head = impostor().points
    roots = head[[int(np.flatnonzero(head_surface().front)[0]), int(np.argmin(head[:, 2]))]]
    strands = Strands(np.repeat(roots[:, None], 4, 1), np.full((2, 4), 1e-4, np.float32), Material())
    left = bare((strands,), head, head_surface().front)
    assert isinstance(left[0], Strands) and len(left[0].points) == 1
    assert np.allclose(left[0].points[0, 0], roots[1])


def test_a_wig_moves_with_the_head_and_clothes_do_not() -> None:
    head, moves = impostor().points, np.full((len(impostor().points), 3), 0.01)
    scarf = Mesh(head[:200] * np.float32(1.1), np.zeros((1, 3), np.uint32), np.zeros((200, 2), np.float32), Material())
    coat = Mesh(head[:200] - np.float32(0.3), scarf.triangles, scarf.uv, Material())
    wide = Mesh(head, scarf.triangles, np.zeros((len(head), 2), np.float32), Material())
    hair = Strands(np.repeat(head[:2, None], 4, 1), np.full((2, 4), 1e-4, np.float32), Material())
    skin_, lifted, still, around = raised((scarf, hair, coat, wide), head, moves)
    assert skin_ is scarf and still is coat
    assert np.allclose(lifted.points, hair.points + 0.01)
    assert np.allclose(around.points, wide.points + 0.01)
