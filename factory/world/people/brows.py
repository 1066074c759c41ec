"""Brows and lashes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from factory.world.people.ancestry import Ancestry, Sex
from factory.world.people.head import BODY, base
from factory.world.people.patch import along_skin, patch
from factory.world.people.roots import sprinkled
from factory.world.scene import Floats

# The brow from its inner to its outer end, on the base mesh in metres: distance from the middle, height above the
# eyes, half of the thickness.
ACROSS = np.array([0.0105, 0.015, 0.022, 0.030, 0.038, 0.045, 0.0515])
HEIGHT = np.array([0.0135, 0.0150, 0.0172, 0.0192, 0.0205, 0.0195, 0.0160])
THICK = np.array([0.0030, 0.0040, 0.0040, 0.0036, 0.0029, 0.0020, 0.0009])
BROW_POINTS, LASH_POINTS = 5, 5


@dataclass(frozen=True)
class Brows:
    """A pair of brows.

    Args:
        thickness: Times the usual.
        arch: Metres that the peak lies above a straight brow's.
        hairs: Of each brow.
        untidy: 0 is combed, 1 is bushy.
        lashes: Metres of the longest.
    """

    thickness: float
    arch: float
    hairs: int
    untidy: float
    lashes: float

    @classmethod
    def drawn(cls, generator: np.random.Generator, age: float, sex: Sex, ancestry: Ancestry) -> Brows:
        """Brows of somebody of this age (years), sex and ancestry."""
        female = sex == "female"
        thickness = generator.uniform(0.6, 1.0) if female else generator.uniform(0.85, 1.3)
        hairs = generator.uniform(150, 300) if female else generator.uniform(200, 380)
        return cls(
            thickness=float(thickness),
            arch=float(generator.normal(0.0012 if female else -0.0005, 0.001)),
            hairs=int(hairs * (1 - 0.25 * np.clip((age - 45) / 40, 0, 1))),
            untidy=float(generator.uniform(0.1, 0.4) if female else generator.uniform(0.25, 0.5 + 0.3 * (age > 55))),
            lashes=float(generator.uniform(0.0075, 0.0095) if female else generator.uniform(0.006, 0.0075)),
        )


def brow_strands(brows: Brows, points: Floats, generator: np.random.Generator) -> Floats:
    """S, P, 3: the hairs of both brows on a head's points (V, 3)."""

    def edge(places: Floats) -> tuple[Floats, Floats]:
        """How far along its length a place is, 0 to 1, and how far from the brow's middle in half thicknesses."""
        across = np.abs(places[:, 0])
        along = (across - ACROSS[0]) / (ACROSS[-1] - ACROSS[0])
        middle = np.interp(across, ACROSS, HEIGHT) + brows.arch * np.sin(np.pi * np.clip(along, 0, 1)) ** 2
        return along, (places[:, 1] - middle) / (np.interp(across, ACROSS, THICK) * brows.thickness)

    def density(places: Floats) -> Floats:
        along, away = edge(places)
        ends = np.clip(along / 0.12, 0, 1) * np.clip((1.02 - along) / 0.1, 0, 1)
        front = (places[:, 2] > -0.02) & (np.abs(places[:, 1]) < 0.04)
        return np.asarray(ends * np.clip(1.5 - np.abs(away) * 1.2, 0, 1) * front * (along > -0.02), np.float32)

    roots = sprinkled(density, 2 * brows.hairs, generator)
    canon = roots.at(base().points)
    along, away = edge(canon)
    side = np.sign(canon[:, 0])
    rise = np.interp(along, [0, 0.12, 0.35, 0.65, 1.0], [2.2, 1.2, 0.5, 0.05, -0.35]) - 0.35 * away * np.clip(
        along * 3, 0, 1
    )
    rise = rise + brows.untidy * 0.5 * generator.standard_normal(len(rise))
    direction = np.stack([side, rise, np.full_like(rise, -0.2)], axis=1)
    length = generator.uniform(0.6, 1.1, len(rise)) * np.interp(
        along, [0, 0.2, 0.7, 1.0], [0.006, 0.008, 0.0075, 0.005]
    )
    skin = patch(points, lambda places: (np.abs(places[:, 1] - 0.016) < 0.022) & (places[:, 2] > -0.04))
    return along_skin(
        roots, points, skin, direction, np.asarray(length, np.float32), 0.06 + 0.1 * brows.untidy, BROW_POINTS
    )


def lash_strands(brows: Brows, points: Floats, generator: np.random.Generator) -> Floats:
    """S, P, 3: upper and lower lashes of both eyes on a head's points (V, 3)."""
    made = []
    for side in (1, -1):
        upper, lower = lids(side)
        made.append(_lashes(points[upper], side, 75, brows.lashes, True, generator))
        made.append(_lashes(points[lower], side, 40, 0.5 * brows.lashes, False, generator))
    return np.concatenate(made).astype(np.float32)


def _lashes(lid: Floats, side: int, count: int, length: float, upper: bool, generator: np.random.Generator) -> Floats:
    """count, P, 3: lashes along a lid's edge (points from the inner to the outer corner)."""
    where = np.sort(generator.uniform(0.1 if upper else 0.25, 1.0, count))
    steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(lid, axis=0), axis=1))])
    root = np.stack([np.interp(where * steps[-1], steps, lid[:, axis]) for axis in range(3)], axis=1)
    fan = side * (1.6 * where - 0.55) + generator.normal(0, 0.12, count)  # outwards at the outer corner
    up = 1.0 if upper else -1.0
    lengths = (
        length * np.interp(where, [0, 0.3, 0.75, 1], [0.5, 0.85, 1.0, 0.8]) * generator.uniform(0.75, 1.05, count)
    )
    along = np.linspace(0, 1, LASH_POINTS)[None, :, None]
    first = np.stack([0.6 * fan, np.full(count, -0.25 * up if upper else -0.6), np.ones(count)], axis=1)
    then = np.stack([0.5 * fan, np.full(count, 1.1 * up), np.full(count, 0.25 if upper else 0.4)], axis=1)
    first, then = (vector / np.linalg.norm(vector, axis=1, keepdims=True) for vector in (first, then))
    bend = 0.6 * along**2
    path = (along - 0.5 * bend) * first[:, None] + bend * then[:, None] * 0.9
    return np.asarray(
        root[:, None] + lengths[:, None, None] * path - 0.0003 * first[:, None] * (along == 0), np.float32
    )


@cache
def lids(side: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Points of the edges of the upper and the lower lid from the inner to the outer corner; side 1 is the left eye.

    The socket is a tube of rings around its pole; the lids' edge is the ring next to where the tube is lowest.
    """
    ring = _opening(side)
    places = base().points[ring] * [side, 1, 1]
    inner, outer = np.argmin(places[:, 0]), np.argmax(places[:, 0])
    slope = (places[outer, 1] - places[inner, 1]) / (places[outer, 0] - places[inner, 0])
    above = places[:, 1] - places[inner, 1] - slope * (places[:, 0] - places[inner, 0])
    order = np.argsort(places[:, 0])
    return ring[order[above[order] >= -1e-6]], ring[order[above[order] <= 1e-6]]


def _opening(side: int) -> NDArray[np.int64]:
    mesh = base()
    quads = mesh.quads[mesh.part == BODY].astype(np.int64)
    pairs = np.concatenate([quads[:, [corner, (corner + 1) % 4]] for corner in range(4)])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    ball = mesh.points[np.unique(mesh.quads[mesh.part == (1 if side > 0 else 2)])].mean(axis=0)
    inside = np.unique(quads)
    inside = inside[np.linalg.norm(mesh.points[inside] - ball, axis=1) < 0.0175]
    ring = inside[[np.argmin(mesh.points[inside, 2])]]
    seen = np.zeros(len(mesh.points), bool)
    rings = []
    for _ in range(24):
        seen[ring] = True
        rings.append(ring)
        beside = np.unique(pairs[np.isin(pairs[:, 0], ring), 1])
        ring = beside[~seen[beside]]
    front = [number for number, ring in enumerate(rings) if number > 14]
    lowest = min(front, key=lambda number: float(np.ptp(mesh.points[rings[number], 1])))
    return np.asarray(rings[lowest + 1])
