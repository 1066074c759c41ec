"""A head scarf: cloth around the skull and the neck that leaves the face free."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from factory.world.people.envelope import Envelope
from factory.world.scene import Colour, Floats, Material, Mesh

ROWS, COLUMNS = 90, 96
# The opening for the face: metres above the eyes, and radians to either side seen from the skull's middle.
EDGE_HEIGHT = np.array([-0.128, -0.120, -0.105, -0.08, -0.04, 0.0, 0.03, 0.05, 0.062, 0.066])
EDGE_ANGLE = np.array([0.0, 0.20, 0.42, 0.60, 0.74, 0.76, 0.68, 0.50, 0.24, 0.0])
LOWEST = -0.27  # metres
MIDDLE_HEIGHT = 0.01  # of the skull above the eyes


def scarf(around: Envelope, colour: Colour, generator: np.random.Generator) -> Mesh:
    """The cloth.

    Args:
        around: The head's envelope.
        colour: The cloth's.
        generator: Of its folds.
    """
    polar = np.linspace(0.02, np.pi / 2, ROWS // 2)
    crown = np.stack([np.cos(polar), np.sin(polar)], axis=1)  # height and flat share of the radius
    hanging = np.linspace(0, LOWEST - MIDDLE_HEIGHT, ROWS - ROWS // 2 + 1)[1:]
    directions = []
    for row in range(ROWS):
        above = row < ROWS // 2
        high = 0.105 * crown[row, 0] if above else hanging[row - ROWS // 2]
        least = np.interp(high + MIDDLE_HEIGHT, EDGE_HEIGHT, EDGE_ANGLE)
        turn = np.linspace(least, 2 * np.pi - least, COLUMNS)
        flat = 0.02 * crown[row, 1] if above else 0.01
        height = 0.02 * crown[row, 0] if above else hanging[row - ROWS // 2]
        directions.append(np.stack([np.sin(turn) * flat, np.full(COLUMNS, height), np.cos(turn) * flat], axis=1))
    start = np.stack(directions) + around.middle
    edge = np.minimum(np.arange(COLUMNS), np.arange(COLUMNS)[::-1])
    off = 0.0012 + 0.006 * np.clip(edge / 5, 0, 1)
    lain = replace(around, shoulders=around.shoulders - 1).pushed(  # its hem ends in clothes
        np.asarray(start.reshape(-1, 3), np.float32), np.tile(off, ROWS).astype(np.float32)
    )
    points = _draped(lain.reshape(ROWS, COLUMNS, 3).astype(np.float64), around, edge, generator)
    across, along = np.meshgrid(np.linspace(0, 1, COLUMNS), np.linspace(1, 0, ROWS))
    corner = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    first, second, third, fourth = corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:]
    triangles = np.concatenate(
        [np.stack([first, second, third], -1).reshape(-1, 3), np.stack([first, third, fourth], -1).reshape(-1, 3)]
    )
    return Mesh(
        points.reshape(-1, 3).astype(np.float32),
        triangles.astype(np.uint32),
        np.stack([across.ravel(), along.ravel()], 1).astype(np.float32),
        Material(colour=colour, roughness=0.85, specular=0.15, sheen=0.4),
    )


def _draped(points: Floats, around: Envelope, edge: Floats, generator: np.random.Generator) -> Floats:
    """Cloth that hangs from where it lies furthest out, evens out, and throws folds below the chin."""
    axis = around.middle * [1, 0, 1]
    away = points * [1, 0, 1] - axis
    radius = np.linalg.norm(away, axis=2)
    outward = away / np.maximum(radius, 1e-6)[..., None]
    for row in range(ROWS // 2, ROWS):
        fall = points[row - 1, :, 1] - points[row, :, 1]
        draped = np.maximum(radius[row], radius[row - 1] - 0.35 * np.maximum(fall, 0))
        radius[row] += (draped - radius[row]) * np.clip(edge / 8, 0, 1)  # the edge stays close to the face
    free = np.clip((np.arange(ROWS) - ROWS * 0.52) / (ROWS * 0.2), 0, 1)[:, None] * np.clip(edge / 10, 0, 1)[None]
    turn = np.linspace(0, 2 * np.pi, COLUMNS)[None]
    phases = generator.uniform(0, 2 * np.pi, 4)
    waves = sum(
        np.sin(number * turn + phase + 0.05 * np.arange(ROWS)[:, None]) / number
        for number, phase in zip((5, 8, 13, 21), phases, strict=True)
    )
    folds = 0.012 * free * waves
    made = axis + outward * (radius + np.maximum(folds, -0.004))[..., None] + points * [0, 1, 0]
    for _ in range(4):
        made[1:-1, 1:-1] = (
            made[1:-1, 1:-1] * 2 + made[:-2, 1:-1] + made[2:, 1:-1] + made[1:-1, :-2] + made[1:-1, 2:]
        ) / 6
    return np.asarray(made, np.float32)
