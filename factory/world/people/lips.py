"""Lips that close: targets of mouths, each sound alone, together leave gaps that no teeth stand behind."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from factory.world.people.head import base
from factory.world.scene import Floats

OPENING = "expression/mouth-open"
LINE = -0.0672  # y of the line between the lips in the base mesh
LEFT = 0.0003  # metres that may stay open
COLUMNS = tuple(np.linspace(-0.02, 0.02, 11))  # x of where the gap is measured
MOUTH = ((-0.024, -0.0735, 0.021), (0.024, -0.061, 0.034))  # corners of a box around that line
FALL = 0.007  # metres above and below that line over which the closing fades
HALF_WIDTH = 0.034  # metres from the middle at which it ends


def closed(points: Floats) -> Floats:
    """V, 3: the head mesh with its lips together.

    Args:
        points: V, 3: the head mesh, not turned.
    """
    moved = points.astype(np.float64)
    rest = base().points.astype(np.float64)
    share = np.exp(-(((rest[:, 1] - LINE) / FALL) ** 2)) * (rest[:, 2] > 0)
    share = share * np.clip((HALF_WIDTH - np.abs(rest[:, 0])) / 0.008, 0, 1)
    toward = share * np.where(_below(), 0.5, -0.5)
    for _ in range(3):
        gaps = [float(moved[upper, 1].min() - moved[lower, 1].max()) - LEFT for upper, lower in _columns()]
        moved[:, 1] += toward * np.interp(rest[:, 0], COLUMNS, np.maximum(gaps, 0))
    return np.asarray(moved, np.float32)


@cache
def _below() -> NDArray[np.bool_]:
    """V: points that follow the lower jaw."""
    return np.asarray(base().targets[OPENING][:, 1] < -0.004)


@cache
def _columns() -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
    """Points of the upper and the lower lip near the line between them, for each of COLUMNS."""
    points = base().points.astype(np.float64)
    within = ((points > MOUTH[0]) & (points < MOUTH[1])).all(axis=1)
    made = []
    for column in COLUMNS:
        here = within & (np.abs(points[:, 0] - column) < 0.0035)
        made.append((np.flatnonzero(here & ~_below()), np.flatnonzero(here & _below())))
    return tuple(made)
