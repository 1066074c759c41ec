"""A patch of the face's skin that short hairs lie along: brows and beards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from factory.world.people.head import base
from factory.world.people.roots import Roots, skin_normals
from factory.world.scene import Floats

AT_ONCE = 128  # places


@dataclass(frozen=True)
class Patch:
    """Points of the skin with their normals.

    Args:
        points: N, 3.
        normals: N, 3.
    """

    points: Floats
    normals: Floats

    def laid(self, places: Floats, off: Floats | float) -> Floats:
        """Places (M, 3) moved until each is `off` metres (M or one number) above the skin nearest to it."""
        close = np.concatenate([2 * self.points.T, -np.sum(self.points**2, axis=1)[None]])  # 4, N
        padded = np.concatenate([places, np.ones((len(places), 1), np.float32)], axis=1)
        near = np.concatenate(  # piece by piece, as a whole table of distances leaves the processor's caches
            [(padded[first : first + AT_ONCE] @ close).argmax(axis=1) for first in range(0, len(padded), AT_ONCE)]
        )
        above = np.sum((places - self.points[near]) * self.normals[near], axis=1)
        return np.asarray(places + self.normals[near] * (off - above)[:, None], np.float32)


def patch(points: Floats, where: Callable[[Floats], NDArray[np.bool_]]) -> Patch:
    """The skin of a head (V, 3) where the base mesh's points satisfy `where`, two samples a quad."""
    quads = base().quads[base().part == 0].astype(np.int64)
    quads = quads[where(base().points[quads].mean(axis=1))]
    normals = skin_normals(points)
    corners = np.unique(quads)
    middles = [points[quads].mean(axis=1), points[quads[:, :2]].mean(axis=1), points[quads[:, 1:3]].mean(axis=1)]
    facing = [normals[quads].mean(axis=1), normals[quads[:, :2]].mean(axis=1), normals[quads[:, 1:3]].mean(axis=1)]
    every = np.concatenate([normals[corners], *facing])
    every = every / np.maximum(np.linalg.norm(every, axis=1, keepdims=True), 1e-9)
    return Patch(np.concatenate([points[corners], *middles]).astype(np.float32), every.astype(np.float32))


def along_skin(
    roots: Roots, points: Floats, skin: Patch, direction: Floats, length: Floats, lift: float, count: int
) -> Floats:
    """S, count, 3: hairs that lie along the skin.

    Args:
        roots: S of them.
        points: The head's points (V, 3).
        skin: The patch that they lie on.
        direction: S, 3: where each runs; what of it leaves the skin is dropped.
        length: S: metres.
        lift: How much of its length a hair's tip rises.
        count: Points of a hair.
    """
    place, normal = roots.at(points), roots.at(skin_normals(points))
    direction = direction - np.sum(direction * normal, axis=1, keepdims=True) * normal
    direction = direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    path = [np.asarray(place - 0.0004 * normal, np.float32)]
    step = (length / (count - 1))[:, None]
    for number in range(1, count):
        place = np.asarray(place + direction * step, np.float32)
        off = 0.00015 + lift * length * (number / (count - 1)) ** 1.5
        onward = skin.laid(place, np.asarray(off, np.float32))
        path.append(onward)
    return np.stack(path, axis=1)
