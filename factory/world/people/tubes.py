"""Round tubes along lines: frames of spectacles, cords, the edge of a lid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from factory.world.scene import Material, Mesh

SIDES = 10


def tube(
    line: NDArray[np.float64],
    radius: NDArray[np.float64],
    material: Material,
    closed: bool = False,
    flat: NDArray[np.float64] | None = None,
) -> Mesh:
    """A tube along a line.

    Args:
        line: P, 3: its middle.
        radius: P: metres at each point of the line.
        material: Of its surface.
        closed: The line ends where it began.
        flat: 3: a direction in which the tube is as thick as the radius says; across that, half of it. None is round.
    """
    ahead = np.gradient(line, axis=0) if not closed else np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-12)
    helper = flat if flat is not None else _least(ahead)
    one = helper - (ahead @ helper)[:, None] * ahead
    one /= np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-12)
    two = np.cross(ahead, one) * (1.0 if flat is None else 0.5)
    angle = np.linspace(0, 2 * np.pi, SIDES, endpoint=False)
    ring = np.cos(angle)[None, :, None] * one[:, None] + np.sin(angle)[None, :, None] * two[:, None]
    points = (line[:, None] + radius[:, None, None] * ring).reshape(-1, 3)
    count = len(line)
    here = np.arange(count if closed else count - 1)
    there = (here + 1) % count
    side = np.arange(SIDES)
    following = (side + 1) % SIDES
    corner = [(row[:, None] * SIDES + column).ravel() for row, column in _corners(here, there, side, following)]
    triangles = np.concatenate([np.c_[corner[0], corner[1], corner[2]], np.c_[corner[0], corner[2], corner[3]]])
    uv = np.stack(np.meshgrid(np.linspace(0, 1, count), np.linspace(0, 1, SIDES), indexing="ij"), axis=-1)
    return Mesh(points.astype(np.float32), triangles.astype(np.uint32), uv.reshape(-1, 2).astype(np.float32), material)


def _corners(
    here: NDArray[np.int64], there: NDArray[np.int64], side: NDArray[np.int64], following: NDArray[np.int64]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
    return (here, side), (here, following), (there, following), (there, side)


def _least(ahead: NDArray[np.float64]) -> NDArray[np.float64]:
    """The axis that the line follows least."""
    return np.asarray(np.eye(3)[np.argmin(np.abs(ahead).mean(axis=0))])
