"""How the head turns on the neck: whole above the jaw, not at all below the collar, smoothly between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from factory.world.scene import Floats

CHIN, JUGULAR = 991, 1524  # points of the head mesh: below the chin, and between the collar bones
SLOPE = 0.357  # the base of the neck falls from nape to throat
PIVOT = (0.0, 0.015, -0.085)  # metres from the chin's lowest point: where skull and spine meet


@dataclass(frozen=True)
class Pose:
    """A turn of the head; what is not there to be turned stays.

    Args:
        pivot: 3: the point that turns with nothing.
        top: Level, as `level` has it, above which everything turns wholly.
        bottom: Level below which nothing turns.
        turn: 3: axis of the whole turn, as long as its angle in radians.
        shift: 3: added last; it brings the eyes' midpoint back to the origin.
    """

    pivot: NDArray[np.float64]
    top: float
    bottom: float
    turn: NDArray[np.float64]
    shift: NDArray[np.float64]

    def __call__(self, points: Floats) -> Floats:
        """..., 3: where the points come to lie."""
        given = np.asarray(points, np.float64)
        share = np.clip((_level(given) - self.bottom) / (self.top - self.bottom), 0, 1)
        share = share * share * (3 - 2 * share)
        moved = _rotated(given - self.pivot, share[..., None] * self.turn) + self.pivot + self.shift
        return np.asarray(moved, np.float32)

    def undone(self, points: Floats) -> Floats:
        """..., 3: where points of the head itself, which turn wholly, were before."""
        given = np.asarray(points, np.float64) - self.pivot - self.shift
        return np.asarray(_rotated(given, np.broadcast_to(-self.turn, given.shape)) + self.pivot, np.float32)


def pose(points: Floats, yaw: float, pitch: float, roll: float) -> Pose:
    """The turn of a head.

    Args:
        points: V, 3: the head mesh at rest, the eyes' midpoint at the origin.
        yaw: Degrees to the person's left.
        pitch: Degrees up.
        roll: Degrees towards the person's left shoulder.
    """
    chin, jugular = points[CHIN].astype(np.float64), points[JUGULAR].astype(np.float64)
    turn = np.radians([-pitch, yaw, -roll])
    still = Pose(
        pivot=chin + np.array(PIVOT),
        top=float(_level(chin)) - 0.018,
        bottom=float(_level(jugular)) - 0.012,
        turn=turn,
        shift=np.zeros(3),
    )
    eyes = still(np.zeros(3, np.float32)).astype(np.float64)
    return Pose(still.pivot, still.top, still.bottom, turn, -eyes)


def _level(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(points[..., 1] + SLOPE * points[..., 2])


def _rotated(points: NDArray[np.float64], turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rodrigues' formula, a turn for each point."""
    angle = np.linalg.norm(turn, axis=-1, keepdims=True)
    axis = turn / np.maximum(angle, 1e-12)
    across = np.cross(axis, points)
    along = (axis * points).sum(axis=-1, keepdims=True) * axis
    return np.asarray(points * np.cos(angle) + across * np.sin(angle) + along * (1 - np.cos(angle)))
