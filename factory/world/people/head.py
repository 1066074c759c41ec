"""The head and shoulders: one base mesh, moved by weighted targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from factory.world.scene import Floats, Material, Mesh

BODY, LEFT_EYE, RIGHT_EYE = 0, 1, 2


@dataclass(frozen=True)
class Base:
    """What head.npz and unwrapped.npz hold; `from_makehuman.py` and `unwrapped.py` say how they are made.

    Args:
        points: V, 3: metres, from between the eyes.
        quads: Q, 4: points of a face, counter-clockwise seen from outside.
        uv: W, 2: texture coordinates; v runs upwards.
        quads_uv: Q, 4: texture coordinates of the same corners.
        part: Q: BODY, LEFT_EYE or RIGHT_EYE.
        targets: For each name V, 3: metres that weight 1 moves each point.
        makehuman: V: the point's number in MakeHuman's mesh.
    """

    points: Floats
    quads: NDArray[np.uint16]
    uv: Floats
    quads_uv: NDArray[np.uint16]
    part: NDArray[np.uint8]
    targets: Mapping[str, NDArray[np.float16]]
    makehuman: NDArray[np.uint16]


@cache
def base() -> Base:
    """The one base mesh, read once."""
    with np.load(Path(__file__).with_name("head.npz"), allow_pickle=False) as file:
        names = [str(name) for name in file["target_names"]]
        moves = file["targets"]
        arrays = {key: file[key] for key in ("points", "quads", "quads_uv", "part", "makehuman")}
    with np.load(Path(__file__).with_name("unwrapped.npz"), allow_pickle=False) as file:
        uv = (file["uv"] / np.float32(65535)).astype(np.float32)
    return Base(**arrays, uv=uv, targets=dict(zip(names, moves, strict=True)))


@cache
def mirrored() -> NDArray[np.int64]:
    """V: for each point the one at the other side of the head."""
    points = np.round(base().points.astype(np.float64), 5)
    made = np.empty(len(points), np.int64)
    made[np.lexsort((points * [-1, 1, 1]).T)] = np.lexsort(points.T)
    return made


def shaped(weights: Mapping[str, float]) -> Floats:
    """V, 3: the points of a head. Raises KeyError for a target that is not there."""
    points = base().points.astype(np.float64)
    for name, weight in weights.items():
        points += weight * base().targets[name].astype(np.float64)
    return points.astype(np.float32)


def surface(points: Floats, part: int, material: Material) -> Mesh:
    """One part of a head (BODY, LEFT_EYE or RIGHT_EYE) as a mesh, with a point for each texture coordinate.

    Each quad becomes four, rounded by Phong tessellation (Boubekeur and Alexa, 2008): the base mesh is coarse enough
    for its outline to show corners. The points themselves stay where they are.
    """
    finer = _refined(part)
    corners = points[finer.quads]  # Q, 4, 3
    across = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals = np.zeros_like(points)
    np.add.at(normals, finer.quads, across[:, None])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
    places = np.concatenate([points, *(_rounded(points, normals, ends) for ends in (finer.edges, finer.quads))])
    return Mesh(np.asarray(places[finer.place], np.float32), finer.triangles, finer.uv, material)


def quarters(quads: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which triangles of `surface` come from the quads (Q) of the base mesh's part that are marked."""
    return np.tile(np.repeat(quads, 4), 2)


@dataclass(frozen=True)
class _Finer:
    """Quads and edges (numbers of points) of a part; then of the finer mesh the triangles and, for each of its points,
    the texture coordinate and the place: points come first, then middles of edges, then middles of quads."""

    quads: NDArray[np.int64]
    edges: NDArray[np.int64]
    place: NDArray[np.int64]
    uv: Floats
    triangles: NDArray[np.uint32]


@cache
def _refined(part: int) -> _Finer:
    mesh = base()
    quads = mesh.quads[mesh.part == part].astype(np.int64)
    quads_uv = mesh.quads_uv[mesh.part == part].astype(np.int64)
    edges, places = _split(quads, len(mesh.points))
    edges_uv, coordinates = _split(quads_uv, len(mesh.uv))
    uv = np.concatenate([mesh.uv, mesh.uv[edges_uv].mean(axis=1), mesh.uv[quads_uv].mean(axis=1)])
    pairs, corner = np.unique(np.stack([places.ravel(), coordinates.ravel()], 1), axis=0, return_inverse=True)
    corner = corner.reshape(-1, 4)
    triangles = np.concatenate([corner[:, [0, 1, 2]], corner[:, [0, 2, 3]]]).astype(np.uint32)
    return _Finer(quads, edges, pairs[:, 0], uv[pairs[:, 1]], triangles)


def _split(quads: NDArray[np.int64], points: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges (E, 2), and four quads for each: numbers of points, then of edges, then of quads (4 Q, 4)."""
    sides = np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    edges, edge = np.unique(sides, axis=0, return_inverse=True)
    ahead = points + edge.reshape(-1, 4)
    middle = np.broadcast_to((points + len(edges) + np.arange(len(quads)))[:, None], quads.shape)
    return edges, np.stack([quads, ahead, middle, np.roll(ahead, 1, axis=1)], axis=2).reshape(-1, 4)


def _rounded(points: Floats, normals: Floats, ends: NDArray[np.int64]) -> Floats:
    """N, 3: middles of points (N, K), moved most of the way to where the points' tangent planes say."""
    middle = points[ends].mean(axis=1)
    height = ((middle[:, None] - points[ends]) * normals[ends]).sum(axis=2, keepdims=True)
    return np.asarray(middle - 0.75 * (height * normals[ends]).mean(axis=1), np.float32)
