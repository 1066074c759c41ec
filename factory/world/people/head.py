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
    """One part of a head (BODY, LEFT_EYE or RIGHT_EYE) as a mesh, with a point for each texture coordinate."""
    mesh = base()
    quads = mesh.quads[mesh.part == part].astype(np.int64)
    quads_uv = mesh.quads_uv[mesh.part == part].astype(np.int64)
    pairs, corner = np.unique(np.stack([quads.ravel(), quads_uv.ravel()], 1), axis=0, return_inverse=True)
    corner = corner.reshape(-1, 4)
    triangles = np.concatenate([corner[:, [0, 1, 2]], corner[:, [0, 2, 3]]])
    return Mesh(points[pairs[:, 0]], triangles.astype(np.uint32), mesh.uv[pairs[:, 1]], material)
