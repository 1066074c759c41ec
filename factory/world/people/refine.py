"""Finer surfaces for rendering: each quad in four, bulged so that outlines are round (Boubekeur and Alexa, 2008)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from factory.world.people.head import base
from factory.world.scene import Floats, Material, Mesh

Doubles = NDArray[np.float64]
Numbers = NDArray[np.int64]
BULGE = 0.7  # 0 leaves the surface flat, 1 follows the corners' tangent planes
NINE = ((0,), (1,), (2,), (3,), (0, 1), (1, 2), (2, 3), (3, 0), (0, 1, 2, 3))  # corners whose mean each new point is
FOUR = ((0, 4, 8, 7), (4, 1, 5, 8), (8, 5, 2, 6), (7, 8, 6, 3))  # of these points, each new quad


@dataclass(frozen=True)
class _Finer:
    sources: Numbers  # P, 4: points of the head mesh whose mean each new point is
    uv: Floats  # P, 2
    triangles: Numbers  # 8 Q, 3: eight of each quad


def refined(points: Floats, part: int, material: Material, kept: NDArray[np.bool_] | None = None) -> Mesh:
    """One part of a head, finer than `head.surface`.

    Args:
        points: V, 3: the head mesh.
        part: BODY, LEFT_EYE or RIGHT_EYE.
        material: Of the surface.
        kept: For each quad of the part, whether it is there; None keeps all.
    """
    finer = _finer(part)
    given = points.astype(np.float64)
    normal = _normals(given, part)
    middle = given[finer.sources].mean(axis=1)
    ends, directions = given[finer.sources], normal[finer.sources]  # P, 4, 3
    height = ((middle[:, None] - ends) * directions).sum(axis=2, keepdims=True)
    bulged = middle - BULGE * (height * directions).mean(axis=1)
    triangles = finer.triangles if kept is None else finer.triangles[np.repeat(kept, 8)]
    return Mesh(bulged.astype(np.float32), triangles.astype(np.uint32), finer.uv, material)


@cache
def _finer(part: int) -> _Finer:
    mesh = base()
    quads = mesh.quads[mesh.part == part].astype(np.int64)
    quads_uv = mesh.quads_uv[mesh.part == part].astype(np.int64)
    keys = []
    for corners in NINE:
        chosen = np.resize(np.array(corners), 4)
        keys.append(np.concatenate([np.sort(quads[:, chosen], axis=1), np.sort(quads_uv[:, chosen], axis=1)], axis=1))
    flat = np.stack(keys, axis=1).reshape(-1, 8)
    unique, number = np.unique(flat, axis=0, return_inverse=True)
    nine = number.reshape(-1, 9)
    small = np.stack([nine[:, list(corners)] for corners in FOUR], axis=1)  # Q, 4, 4
    triangles = np.concatenate([small[:, :, [0, 1, 2]], small[:, :, [0, 2, 3]]], axis=1).reshape(-1, 3)
    return _Finer(unique[:, :4], mesh.uv[unique[:, 4:]].mean(axis=1).astype(np.float32), triangles)


def _normals(points: Doubles, part: int) -> Doubles:
    mesh = base()
    quads = mesh.quads[mesh.part == part].astype(np.int64)
    across = np.cross(points[quads[:, 2]] - points[quads[:, 0]], points[quads[:, 3]] - points[quads[:, 1]])
    total = np.stack(
        [np.bincount(quads.ravel(), np.repeat(across[:, axis], 4), len(points)) for axis in range(3)], axis=1
    )
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-20))
