"""Cloth from a body: what lies below a neckline, cut along it, thickened, smoothed and folded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from factory.world.people.head import BODY, base
from factory.world.people.pose import SLOPE
from factory.world.scene import Floats
from factory.world.surface import point_normals

Doubles = NDArray[np.float64]
Numbers = NDArray[np.int64]
AXIS = -0.1  # z of the neck's middle, in the base mesh
NECK = 0.072  # metres from there to the base of the neck
THROAT = 0.2  # metres below the eyes: under it the chest counts as away from the neck
UNDER = 0.012  # metres that skin goes on under cloth
LONGER = (0.0, -0.25, 0.0)  # metres that the cut torso and arms go on
HIGHEST = -0.168  # metres: cloth ends at this level
REACH = 0.02  # how far above that the finer mesh still goes
ROUNDS = 12  # of smoothing


@dataclass(frozen=True)
class Cloth:
    """A garment's body.

    Args:
        points: P, 3: metres.
        triangles: T, 3.
        neckline: N: points along the upper edge, around the neck, from the throat by the person's left.
    """

    points: Doubles
    triangles: Numbers
    neckline: Numbers


def draped(points: Floats, drop: float, point: float, thickness: float, folds: float, seed: int) -> Cloth:
    """Cloth over the shoulders of a head mesh (V, 3, not turned).

    Args:
        points: V, 3.
        drop: Metres from the base of the neck out to the neckline.
        point: Metres that it goes further at the throat: a V.
        thickness: Metres between skin and cloth.
        folds: Height of folds, metres.
        seed: Of the folds.
    """
    mesh = _fine()
    rest = mesh.weights(base().points)
    above = _above(rest, drop, point)
    placed = mesh.weights(points)
    placed = placed + thickness * point_normals(placed, mesh.triangles)
    placed = _smooth(placed, 0.7 * np.clip(-above / 0.02, 0.0, 1.0)[:, None])
    placed = placed + _folds(rest, folds, seed)[:, None] * point_normals(placed, mesh.triangles)
    return _lengthened(_cut(placed, mesh.triangles, above))


def bare(drop: float, point: float) -> NDArray[np.bool_]:
    """For each quad of the body: whether cloth with this neckline leaves it to be seen."""
    mesh = base()
    above = _above(mesh.points.astype(np.float64), drop, point)
    return np.asarray((above[mesh.quads[mesh.part == BODY]] > -UNDER).any(axis=1))


def _above(rest: Doubles, drop: float, point: float) -> Doubles:
    """P: metres by which points of the base mesh lie above the neckline, roughly; below 0 is cloth."""
    throat = np.exp(-((rest[:, 0] / 0.045) ** 2)) * (rest[:, 2] > AXIS)
    away = np.hypot(rest[:, 0], rest[:, 2] - AXIS) + np.maximum(0.0, -THROAT - rest[:, 1])
    level = rest[:, 1] + SLOPE * rest[:, 2]
    return np.asarray(np.maximum(NECK + drop + point * throat - away, level - HIGHEST))


@dataclass(frozen=True)
class _Fine:
    """The shoulders, each quad in four, as means of the head mesh's points."""

    sources: Numbers  # P, 4: numbers of the points whose mean it is
    triangles: Numbers
    neighbours: Numbers  # N, 2: pairs of points that share an edge, both ways
    inner: NDArray[np.bool_]  # P: not at the mesh's border

    def weights(self, points: Floats) -> Doubles:
        return np.asarray(points.astype(np.float64)[self.sources].mean(axis=1))


@cache
def _fine() -> _Fine:
    mesh = base()
    quads = mesh.quads[mesh.part == BODY].astype(np.int64)
    level = mesh.points[:, 1] + SLOPE * mesh.points[:, 2]
    quads = quads[(level[quads] < HIGHEST + REACH).all(axis=1)]
    following = np.roll(quads, -1, axis=1)
    corners = np.stack([quads] * 4, axis=-1)  # Q, 4, 4
    edges = np.sort(np.stack([quads, quads, following, following], axis=-1), axis=-1)
    middles = np.sort(quads, axis=1)[:, None]
    sources = np.concatenate([corners, edges, middles], axis=1).reshape(-1, 4)  # nine of each quad
    unique, number = np.unique(sources, axis=0, return_inverse=True)
    nine = number.reshape(-1, 9)
    small = [nine[:, [corner, 4 + corner, 8, 4 + (corner + 3) % 4]] for corner in range(4)]
    four = np.concatenate(small)
    triangles = np.concatenate([four[:, [0, 1, 2]], four[:, [0, 2, 3]]])
    sides = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    edges, uses = np.unique(sides, axis=0, return_counts=True)
    inner = np.ones(len(unique), bool)
    inner[edges[uses == 1]] = False
    return _Fine(unique, triangles, np.concatenate([edges, edges[:, ::-1]]), inner)


def _smooth(points: Doubles, strength: Doubles) -> Doubles:
    """Points drawn towards their neighbours' mean: cloth spans hollows."""
    mesh = _fine()
    one, other = mesh.neighbours.T
    count = np.bincount(one, minlength=len(points))[:, None]
    for _ in range(ROUNDS):
        total = np.stack([np.bincount(one, points[other, axis], len(points)) for axis in range(3)], axis=1)
        points = points + strength * mesh.inner[:, None] * (total / count - points)
    return points


def _folds(rest: Doubles, height: float, seed: int) -> Doubles:
    """P: metres outwards: waves that run down from the shoulders, bent and faded."""
    generator = np.random.default_rng(seed)
    total = np.zeros(len(rest))
    for _ in range(7):
        angle = generator.normal(0.0, 0.5)
        length = generator.uniform(0.03, 0.09)
        along = rest[:, 0] * np.cos(angle) + rest[:, 1] * np.sin(angle) * 0.8
        bend = 0.5 * np.sin(rest @ generator.normal(0, 18, 3) + generator.uniform(0, 6))
        fade = 0.5 + 0.5 * np.sin(rest @ generator.normal(0, 14, 3) + generator.uniform(0, 6))
        wave = np.sin(2 * np.pi * along / length + bend * 3 + generator.uniform(0, 6))
        total += fade * np.sign(wave) * np.abs(wave) ** 1.3 * length / 0.06
    return total * height / 2.5


def _cut(points: Doubles, triangles: Numbers, above: Doubles) -> Cloth:
    """The part of the mesh where `above` is negative, with new points along the cut."""
    below = above < 0
    inside = below[triangles]
    count = inside.sum(axis=1)
    made = [triangles[count == 3]]
    cuts: list[Numbers] = []  # pairs of old points (inside, outside) of each new edge's two ends
    for wanted in (1, 2):
        some = triangles[count == wanted]
        lone = (below[some] == (wanted == 1)).argmax(axis=1)
        rolled = np.take_along_axis(some, (lone[:, None] + np.arange(3)) % 3, axis=1)
        cuts.append(rolled)
    one, two = cuts
    pairs = np.concatenate([one[:, [0, 1]], one[:, [0, 2]], two[:, [1, 0]], two[:, [2, 0]]])
    unique, number = np.unique(pairs, axis=0, return_inverse=True)
    share = above[unique[:, 0]] / (above[unique[:, 0]] - above[unique[:, 1]])
    added = points[unique[:, 0]] + share[:, None] * (points[unique[:, 1]] - points[unique[:, 0]])
    number = number.ravel() + len(points)
    first, second, third, fourth = np.split(number, np.cumsum([len(one), len(one), len(two)]))
    made.append(np.c_[one[:, 0], first, second])
    made.append(np.c_[third, two[:, 1], two[:, 2]])
    made.append(np.c_[third, two[:, 2], fourth])
    edge = np.unique(number)
    everything = np.concatenate([points, added])
    place = everything[edge]
    angle = np.arctan2(place[:, 0], place[:, 2] - place[:, 2].mean())
    return Cloth(everything, np.concatenate(made), edge[np.argsort(angle % (2 * np.pi))])


def _lengthened(cloth: Cloth) -> Cloth:
    """The cloth, with what the mesh ends at drawn on downwards."""
    one = np.concatenate([cloth.triangles[:, [0, 1]], cloth.triangles[:, [1, 2]], cloth.triangles[:, [2, 0]]])
    _, first, uses = np.unique(np.sort(one, axis=1), axis=0, return_index=True, return_counts=True)
    border = one[first[uses == 1]]
    border = border[~np.isin(border, cloth.neckline).any(axis=1)]
    ends, number = np.unique(border, return_inverse=True)
    lower = number.reshape(-1, 2) + len(cloth.points)
    added = np.concatenate(
        [np.c_[border[:, 1], border[:, 0], lower[:, 0]], np.c_[border[:, 1], lower[:, 0], lower[:, 1]]]
    )
    points = np.concatenate([cloth.points, cloth.points[ends] + np.array(LONGER)])
    return Cloth(points, np.concatenate([cloth.triangles, added]), cloth.neckline)
