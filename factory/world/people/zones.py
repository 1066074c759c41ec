"""Zones of the face, as soft masks on the body's texture: where it is red, dark, moist or bearded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from factory.world.people.face_map import Map, face_map, softened
from factory.world.scene import Floats


@dataclass(frozen=True)
class Zones:
    """Each side, side: 0 to 1. What comes in pairs is in one mask."""

    under_eyes: Floats
    lids: Floats
    rims: Floats  # the moist edges of the lids
    brows: Floats
    cheeks: Floats
    nose: Floats
    nostrils: Floats
    ears: Floats
    chin: Floats
    forehead: Floats
    oily: Floats  # forehead, bridge of the nose and chin
    beard: Floats
    lower_lip: Floats


@cache
def zones(side: int) -> Zones:
    """The zones for so many texels a side. Sizes and places are metres on the base head."""
    where = face_map(side)
    forehead = where.blob((0.0, 0.045, 0.02), (0.05, 0.027, 0.05))
    bridge = where.blob((0.0, -0.02, 0.04), (0.016, 0.035, 0.03))
    chin = where.blob((0.0, -0.098, 0.022), (0.02, 0.013, 0.03))
    oily = where.blob((0.0, 0.04, 0.03), (0.035, 0.03, 0.05)) + bridge + 0.6 * chin
    return Zones(
        under_eyes=where.blob((0.030, -0.013, 0.012), (0.017, 0.0085, 0.02)),
        lids=where.blob((0.0315, 0.004, 0.015), (0.019, 0.009, 0.02)),
        rims=_rims(where),
        brows=where.blob((0.034, 0.0165, 0.017), (0.016, 0.0045, 0.03)),
        cheeks=where.blob((0.043, -0.036, 0.012), (0.021, 0.017, 0.03)),
        nose=where.blob((0.0, -0.034, 0.036), (0.019, 0.019, 0.024)),
        nostrils=where.blob((0.0085, -0.0400, 0.0265), (0.0035, 0.004, 0.005)),
        ears=where.blob((0.078, -0.012, -0.078), (0.014, 0.035, 0.03)),
        chin=chin,
        forehead=forehead,
        oily=np.clip(oily, 0, 1),
        beard=_beard(where),
        lower_lip=where.lips * step(-0.0675 - where.places[..., 1], 0.002),
    )


def step(value: Floats, width: float) -> Floats:
    """0 to 1 as the value passes 0, over about this width."""
    return np.asarray(1 / (1 + np.exp(-np.clip(4 * value / width, -30, 30))), np.float32)


def _rims(where: Map) -> Floats:
    hole = np.zeros(where.covered.shape, np.float32)
    side = len(hole)
    rows, columns = slice(int(0.51 * side), int(0.60 * side)), slice(int(0.3 * side), int(0.7 * side))
    hole[rows, columns] = ~where.covered[rows, columns]
    return np.asarray(np.clip(2 * softened(hole, 3.0 * side / 1024), 0, 1), np.float32)


def _beard(where: Map) -> Floats:
    """Lip, chin, jaw and the top of the neck."""
    x, y, z = (where.places[..., axis] for axis in range(3))
    cheek_line = -0.058 + 0.75 * np.clip(np.abs(x) - 0.030, 0, 1)
    below = step(np.asarray(cheek_line - y, np.float32), 0.012)
    lip = where.blob((0.012, -0.054, 0.034), (0.018, 0.006, 0.02))
    bare = 1 - np.clip(where.lips * 1.5, 0, 1)
    jaw = below * step(y + 0.138, 0.02) * step(z + 0.078, 0.02)
    return np.asarray(np.clip(np.maximum(jaw, 1.1 * lip), 0, 1) * bare * (1 - where.mouth), np.float32)
