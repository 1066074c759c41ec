"""Where hairs are rooted: places on the base mesh, drawn once and found again on every shaped head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from factory.world.people.head import BODY, base
from factory.world.scene import Floats

Density = Callable[[Floats], Floats]  # of places on the base mesh (N, 3): 0 to 1


@dataclass(frozen=True)
class Roots:
    """Places on the skin.

    Args:
        corners: N, 3: the points of the head around each place.
        weights: N, 3: how much of each; rows sum to 1.
    """

    corners: NDArray[np.int64]
    weights: Floats

    def at(self, values: Floats) -> Floats:
        """N, C: what a value at each point of the head (V, C) is at the roots."""
        return np.asarray(np.einsum("nk,nkc->nc", self.weights, values[self.corners]), np.float32)


def sprinkled(density: Density, count: int, generator: np.random.Generator) -> Roots:
    """About `count` roots, fewer where the density is below its highest.

    Args:
        density: How likely a place on the base mesh is to hold a root.
        count: Roots wanted.
        generator: Draws the places.
    """
    triangles = skin_triangles()
    corners = base().points[triangles]
    likely = np.max([density(corners.mean(axis=1)), *(density(corners[:, corner]) for corner in range(3))], axis=0)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    mass = np.cumsum(area * (likely > 0))
    kept: list[tuple[NDArray[np.int64], Floats]] = []
    found = 0
    for _ in range(12):
        drawn = triangles[np.searchsorted(mass, generator.random(2 * count) * mass[-1], side="right")]
        first, second = np.sqrt(generator.random(2 * count)), generator.random(2 * count)
        weights = np.stack([1 - first, first * (1 - second), first * second], axis=1).astype(np.float32)
        places = np.einsum("nk,nkc->nc", weights, base().points[drawn])
        good = generator.random(2 * count) < density(np.asarray(places, np.float32))
        kept.append((drawn[good], weights[good]))
        found += int(good.sum())
        if found >= count:
            break
    corners_kept, weights_kept = (np.concatenate(parts)[:count] for parts in zip(*kept, strict=True))
    return Roots(corners_kept, weights_kept)


@cache
def skin_triangles() -> NDArray[np.int64]:
    """T, 3: points of the body's triangles."""
    quads = base().quads[base().part == BODY].astype(np.int64)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def skin_normals(points: Floats) -> Floats:
    """V, 3: unit normals of the body at a head's points (V, 3)."""
    triangles = skin_triangles()
    corners = points[triangles].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(across[:, axis], 3), len(points)) for axis in range(3)], axis=1
    )
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-20), np.float32)


@cache
def ears() -> Floats:
    """V, 1: 1 on the ears, 0 elsewhere: what MakeHuman's ears' targets move."""
    moved = np.zeros(len(base().points))
    for side in "lr":
        for how in ("scale-vert-incr", "scale-depth-incr", "wing-incr"):
            moved = np.maximum(
                moved, np.linalg.norm(base().targets[f"ears/{side}-ear-{how}"].astype(np.float64), axis=1)
            )
    return np.asarray(moved > 0.5 * moved.max(), np.float32)[:, None]
