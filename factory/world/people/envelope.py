"""How far the head, the neck and the shoulders reach, so that hair and cloth lie on them and do not pierce them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from factory.world.people.head import BODY, LEFT_EYE, RIGHT_EYE, base, surface
from factory.world.scene import Floats, Material

MIDDLE = np.array([0.0, 0.01, -0.095])  # of the skull on the base mesh, from between the eyes, metres
DOWN = 0.1  # metres below the middle that count as one radian of the map
LOWEST = -3.2  # of the map, radians
COLUMNS, ROWS = 128, 128
CHIN = -0.13  # metres from the middle: below it, what is more than NECK from the axis is shoulder
NECK = 0.09
CELL = 0.006  # metres of the shoulders' map
REACH = 0.36  # metres of it to each side


@dataclass(frozen=True)
class Envelope:
    """The outer shape of a head: two maps.

    Args:
        middle: 3: of the skull.
        radius: ROWS, COLUMNS: metres from the middle above it, from its vertical axis below it.
        shoulders: The shoulders' height in metres over x and z, cells of CELL.
    """

    middle: NDArray[np.float64]
    radius: Floats
    shoulders: Floats

    def depth(self, points: Floats) -> Floats:
        """N: metres that points (N, 3) lie below the surface of head and neck; negative outside."""
        row, column, distance, _ = self._polar(points)
        return np.asarray(self._radius(row, column) - distance, np.float32)

    def pushed(self, points: Floats, off: Floats | float) -> Floats:
        """Points (N, 3) moved outwards until each is `off` metres (N or one number) from head, neck and shoulders."""
        row, column, distance, outward = self._polar(points)
        short = np.maximum(self._radius(row, column) + off - distance, 0)
        points = points + outward * short[:, None]
        return self._over_shoulders(points, off)

    def _polar(self, points: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Row and column in the map, distance from the middle or the axis, and the unit vector away from it."""
        away = points - self.middle.astype(np.float32)
        flat = np.hypot(away[:, 0], away[:, 2])
        above = away[:, 1] > 0
        distance = np.where(above, np.sqrt(flat**2 + away[:, 1] ** 2), flat)
        height = np.where(above, np.arctan2(away[:, 1], flat), away[:, 1] / DOWN)
        row = (np.pi / 2 - height) / (np.pi / 2 - LOWEST) * (ROWS - 1)
        column = np.arctan2(away[:, 0], away[:, 2]) / (2 * np.pi) * COLUMNS
        outward = away * np.stack([np.ones_like(flat), above, np.ones_like(flat)], axis=1)
        outward = outward / np.maximum(distance, 1e-6)[:, None]
        return _single(row), _single(column), _single(distance), _single(outward)

    def _radius(self, row: Floats, column: Floats) -> Floats:
        row = np.clip(row, 0, ROWS - 1.001)
        top, left = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
        down, right = row - top, column - left
        left, following = left % COLUMNS, (left + 1) % COLUMNS
        upper = self.radius[top, left] * (1 - right) + self.radius[top, following] * right
        lower = self.radius[top + 1, left] * (1 - right) + self.radius[top + 1, following] * right
        return np.asarray(upper * (1 - down) + lower * down, np.float32)

    def _over_shoulders(self, points: Floats, off: Floats | float) -> Floats:
        last = len(self.shoulders) - 2
        across = np.clip(((points[:, 0] + REACH - self.middle[0]) / CELL).astype(np.int64), 1, last)
        along = np.clip(((points[:, 2] + REACH - self.middle[2]) / CELL).astype(np.int64), 1, last)
        deep = np.maximum(self.shoulders[across, along] + off - points[:, 1], 0)
        slope_x = (self.shoulders[across + 1, along] - self.shoulders[across - 1, along]) / (2 * CELL)
        slope_z = (self.shoulders[across, along + 1] - self.shoulders[across, along - 1]) / (2 * CELL)
        normal = np.stack([-slope_x, np.ones_like(slope_x), -slope_z], axis=1)
        return np.asarray(points + normal * (deep / np.sum(normal**2, axis=1))[:, None], np.float32)


def _single(values: NDArray[np.floating[Any]]) -> Floats:
    return values.astype(np.float32)


def envelope(points: Floats) -> Envelope:
    """The envelope of a head's points (V, 3)."""
    eyes = [points[np.unique(base().quads[base().part == part])].mean(axis=0) for part in (LEFT_EYE, RIGHT_EYE)]
    middle = (eyes[0] + eyes[1]).astype(np.float64) / 2 + MIDDLE
    dense = _dense(points)
    away = dense - middle
    flat = np.hypot(away[:, 0], away[:, 2])
    shoulder = (away[:, 1] < CHIN) & (flat > 0.06)
    body = Envelope(middle, np.zeros((ROWS, COLUMNS), np.float32), np.zeros((2, 2), np.float32))
    row, column, distance, _ = body._polar(np.asarray(dense[(away[:, 1] > CHIN) | (flat < NECK)], np.float32))
    row_cell = np.clip(np.rint(row), 0, ROWS - 1).astype(np.int64)
    radius = np.zeros((ROWS, COLUMNS))
    np.maximum.at(radius, (row_cell, np.rint(column).astype(np.int64) % COLUMNS), distance)
    return Envelope(middle, _filled(radius), _heights(dense[shoulder], middle))


def _dense(points: Floats) -> Floats:
    """Points all over the skin, about 3 mm apart on the face and the skull."""
    skin = surface(points, BODY, Material())
    corners = skin.points[skin.triangles]
    return np.concatenate([skin.points, corners.mean(axis=1)])


def _filled(radius: NDArray[np.float64]) -> Floats:
    """Holes take their neighbours' largest value, then a slight blur."""
    for _ in range(40):
        hole = radius == 0
        if not hole.any():
            break
        beside = np.maximum(np.roll(radius, 1, 1), np.roll(radius, -1, 1))
        above = np.concatenate([radius[:1], radius[:-1]])
        below = np.concatenate([radius[1:], radius[-1:]])
        radius = np.where(hole, np.maximum(beside, np.maximum(above, below)), radius)
    ahead = np.concatenate([radius[:1], radius[:-1]])
    after = np.concatenate([radius[1:], radius[-1:]])
    blurred = (ahead + 2 * radius + after) / 4
    blurred = (np.roll(blurred, 1, 1) + 2 * blurred + np.roll(blurred, -1, 1)) / 4
    return np.asarray(np.maximum(blurred, radius - 0.001), np.float32)


def _heights(dense: Floats, middle: NDArray[np.float64]) -> Floats:
    side = int(2 * REACH / CELL) + 1
    heights = np.full((side, side), -1.0)
    across = np.clip(((dense[:, 0] + REACH - middle[0]) / CELL).astype(np.int64), 0, side - 1)
    along = np.clip(((dense[:, 2] + REACH - middle[2]) / CELL).astype(np.int64), 0, side - 1)
    np.maximum.at(heights, (across, along), dense[:, 1])
    for _ in range(4):  # cells between the samples
        around = np.max([np.roll(heights, step, axis) for step in (1, -1) for axis in (0, 1)], axis=0)
        heights = np.where(heights < -0.9, around, heights)
    return np.asarray(heights, np.float32)
