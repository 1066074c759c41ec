"""Shells over a head: another face's shape fitted before the impostor's, cut along a line, with a visible edge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from factory.world.people.head import BODY, base
from factory.world.scene import Floats, Material, Mesh, Strands
from factory.world.surface import point_normals

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class HeadSurface:
    """The triangles of the body, whose corners are points of the head mesh.

    Args:
        triangles: T, 3.
        rest: V, 3: the points of the base head, to say where on a face something is.
        front: Which points are of a face.
        neighbours: E, 2: points that an edge joins.
    """

    triangles: NDArray[np.int64]
    rest: Doubles
    front: NDArray[np.bool_]
    neighbours: NDArray[np.int64]


@cache
def head_surface() -> HeadSurface:
    """The base head's surface as triangles, with what masks need to know of it."""
    mesh = base()
    quads = mesh.quads[mesh.part == BODY].astype(np.int64)
    rest = mesh.points.astype(np.float64)
    edges = np.concatenate([quads[:, [0, 1]], quads[:, [1, 2]], quads[:, [2, 3]], quads[:, [3, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    front = np.zeros(len(rest), bool)
    front[np.unique(quads)] = True
    front &= (np.hypot(rest[:, 0] / 0.07, (rest[:, 1] + 0.03) / 0.1) < 1) & (rest[:, 2] > -0.05)
    return HeadSurface(np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]), rest, front, edges)


@dataclass(frozen=True)
class Similarity:
    """A turn, a size and a place.

    Args:
        turn: 3, 3.
        size: Times.
        move: 3.
    """

    turn: Doubles
    size: float
    move: Doubles

    def __call__(self, points: Doubles) -> Doubles:
        """N, 3: points moved."""
        return np.asarray(self.size * points @ self.turn.T + self.move)

    @classmethod
    def between(cls, here: Doubles, there: Doubles) -> Similarity:
        """What brings points (N, 3) nearest to others (Umeyama, 1991)."""
        middle, target = here.mean(axis=0), there.mean(axis=0)
        left, _, right = np.linalg.svd((here - middle).T @ (there - target))
        turn = right.T @ np.diag([1, 1, np.sign(np.linalg.det(right.T @ left.T))]) @ left.T
        size = float(np.sqrt(((there - target) ** 2).sum() / ((here - middle) ** 2).sum()))
        return cls(turn, size, target - size * middle @ turn.T)


def fitted(face: Floats, head: Floats, clearance: float, smoothing: int = 0) -> Doubles:
    """V, 3: a face's points over a head's, turned and sized to it, and nowhere nearer than the clearance (metres).

    Args:
        face: V, 3: points of the head mesh of whom the shell shows.
        head: V, 3: of who wears it.
        clearance: Metres.
        smoothing: How often each point moves halfway to the mean of its neighbours.
    """
    front, wearer = head_surface().front, head.astype(np.float64)
    made = Similarity.between(face.astype(np.float64)[front], wearer[front])(face.astype(np.float64))
    for _ in range(smoothing):
        made = 0.5 * made + 0.5 * _mean(made)
    outward = point_normals(wearer, head_surface().triangles)
    for _ in range(3):
        lacking = np.maximum(clearance - ((made - wearer) * outward).sum(axis=1), 0)
        spread = lacking
        for _ in range(4):
            spread = np.maximum(lacking, _mean(spread[:, None])[:, 0])
        made = made + spread[:, None] * outward
    return made


def cut(points: Doubles, uv: Floats, inside: Doubles, thickness: float, material: Material) -> Mesh:
    """The body's surface where `inside` (V; metres, 0 on the line) is positive, with a rim as deep as it is thick.

    Args:
        points: V, 3.
        uv: V, 2.
        inside: V.
        thickness: Metres inwards.
        material: Of surface and rim.
    """
    triangles = head_surface().triangles
    inner = points - thickness * point_normals(points, triangles)
    corner = np.concatenate([points, inner, uv], axis=1)  # V, 8
    kept = inside[triangles] > 0
    whole = triangles[kept.all(axis=1)]
    made, faces, rim = [corner], [whole], []
    for alone in (True, False):  # one corner inside, or one outside
        crossed = triangles[kept.sum(axis=1) == (1 if alone else 2)]
        flags = inside[crossed] > 0
        first = (flags if alone else ~flags).argmax(axis=1)
        a, b, c = (crossed[np.arange(len(crossed)), (first + step) % 3] for step in range(3))
        start = sum(len(part) for part in made)
        ab, ac = start + np.arange(len(a)), start + len(a) + np.arange(len(a))
        made += [_between(corner, inside, a, b), _between(corner, inside, a, c)]
        if alone:
            faces.append(np.stack([a, ab, ac], 1))
            rim.append(np.stack([ab, ac], 1))
        else:
            faces += [np.stack([ab, b, c], 1), np.stack([ab, c, ac], 1)]
            rim.append(np.stack([ac, ab], 1))
    table, edges = np.concatenate(made), np.concatenate(rim)
    outer, inner = table[edges, :3], table[edges, 3:6]  # R, 2, 3
    strip = np.concatenate([outer[:, 0], outer[:, 1], inner[:, 1], inner[:, 0]])
    offset = len(table) + np.arange(len(edges))
    corners = [offset + part * len(edges) for part in range(4)]
    faces += [np.stack([corners[1], corners[0], corners[3]], 1), np.stack([corners[1], corners[3], corners[2]], 1)]
    strip_uv = np.concatenate([table[edges[:, side], 6:] for side in (0, 1, 1, 0)])
    everything = np.concatenate([table[:, :3], strip]), np.concatenate([table[:, 6:], strip_uv])
    used, index = np.unique(np.concatenate(faces), return_inverse=True)
    return Mesh(
        np.asarray(everything[0][used], np.float32),
        index.reshape(-1, 3).astype(np.uint32),
        np.asarray(everything[1][used], np.float32),
        material,
    )


def bare(bodies: tuple[Mesh | Strands, ...], head: Floats, under: NDArray[np.bool_]) -> tuple[Mesh | Strands, ...]:
    """Bodies without the hairs whose roots are at points of the head that something covers (`under`: V)."""
    rest: list[Mesh | Strands] = []
    for body in bodies:
        if not isinstance(body, Strands):
            rest.append(body)
            continue
        kept = ~under[_nearest(body.points[:, 0], head)]
        if kept.any():
            rest.append(Strands(body.points[kept], body.radius[kept], body.material))
    return tuple(rest)


def raised(bodies: tuple[Mesh | Strands, ...], head: Floats, moves: Doubles) -> tuple[Mesh | Strands, ...]:
    """Bodies with hair and what else is around the head moved outwards as the head's points are (`moves`: V, 3)."""
    return tuple(
        _lifted(body, head, moves) if number and _around(body, head) else body for number, body in enumerate(bodies)
    )


def _around(body: Mesh | Strands, head: Floats) -> bool:
    """Whether a body is hair, or so wide and high that it is something like a scarf."""
    if isinstance(body, Strands):
        return True
    low, high = body.points.min(axis=0), body.points.max(axis=0)
    return bool(high[1] > head[:, 1].max() - 0.03 and high[0] - low[0] > 0.12)


def _lifted(body: Mesh | Strands, head: Floats, moves: Doubles) -> Mesh | Strands:
    if isinstance(body, Strands):
        move = moves[_nearest(body.points[:, 0], head)][:, None]
        return replace(body, points=np.asarray(body.points + move, np.float32))
    return replace(body, points=np.asarray(body.points + moves[_nearest(body.points, head)], np.float32))


def _between(table: Doubles, inside: Doubles, kept: NDArray[np.int64], lost: NDArray[np.int64]) -> Doubles:
    share = (inside[kept] / (inside[kept] - inside[lost]))[:, None]
    return np.asarray(table[kept] + share * (table[lost] - table[kept]))


def _mean(values: Doubles) -> Doubles:
    """V, C: means over each point's neighbours; its own value where it has none."""
    edges = head_surface().neighbours
    total, count = np.zeros_like(values), np.zeros(len(values))
    for here, there in (edges.T, edges.T[::-1]):
        np.add.at(total, here, values[there])
        np.add.at(count, here, 1)
    alone = count == 0
    return np.asarray(np.where(alone[:, None], values, total / np.maximum(count, 1)[:, None]))


def _nearest(points: Floats, to: Floats) -> NDArray[np.int64]:
    """N: index of the nearest of V points, by comparing all of them, 512 at a time."""
    found = np.empty(len(points), np.int64)
    norm = (to**2).sum(axis=1)
    for first in range(0, len(points), 512):
        part = points[first : first + 512]
        found[first : first + 512] = (norm - 2 * part @ to.T).argmin(axis=1)
    return found
