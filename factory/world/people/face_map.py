"""Where things are on the body's texture: places in space, zones of the face, and grain that people share.

Pictures have their first row at the top. All of it follows from the one base head, so it is made once a side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from factory.world.people.head import BODY, base
from factory.world.scene import Floats

MARGIN = 6  # texels that a chart is continued beyond its rim, so that none of what lies outside shows


@dataclass(frozen=True)
class Map:
    """Of one side; every picture is side, side.

    Args:
        places: side, side, 3: the base head's point in metres; continued a little beyond the charts.
        lips: 0 to 1.
        mouth: 1 inside the mouth.
        covered: Whether some chart lies there.
    """

    places: Floats
    lips: Floats
    mouth: Floats
    covered: NDArray[np.bool_]

    def blob(self, centre: tuple[float, float, float], size: tuple[float, float, float]) -> Floats:
        """A soft spot about a place (metres), and its mirror image on the other side of the face."""
        x, y, z = (self.places[..., axis] for axis in range(3))
        away = ((np.abs(x) - centre[0]) / size[0]) ** 2 + ((y - centre[1]) / size[1]) ** 2
        return np.asarray(np.exp(-(away + ((z - centre[2]) / size[2]) ** 2)), np.float32)


@cache
def face_map(side: int) -> Map:
    """The map with so many texels a side."""
    with np.load(Path(__file__).with_name("unwrapped.npz"), allow_pickle=False) as file:
        masks = np.stack([file["lips"], file["mouth"]], axis=1).astype(np.float32) / 255
    mesh = base()
    body = mesh.part == BODY
    quads, corners = mesh.quads[body].astype(np.int64), mesh.quads_uv[body].astype(np.int64)
    values = np.concatenate([mesh.points[quads], masks[corners]], axis=2)  # Q, 4, 5
    image, covered = _rasterised(mesh.uv[corners] * (side, -side) + (0, side), values, side)
    image = _continued(image, covered)
    sigma = side / 700
    lips = softened(image[..., 3], sigma) / np.maximum(softened(covered.astype(np.float32), sigma), 0.1)
    return Map(image[..., :3], np.clip(lips, 0, 1), image[..., 4], covered)


def _rasterised(corners: Floats, values: Floats, side: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Values at the corners (Q, 4 of texels across and down) spread over two triangles each."""
    image = np.zeros((side, side, values.shape[2]), np.float32)
    covered = np.zeros((side, side), np.bool_)
    for part in ([0, 1, 2], [0, 2, 3]):
        for (a, b, c), value in zip(corners[:, part].astype(np.float64), values[:, part], strict=True):
            low = np.floor(np.min((a, b, c), axis=0)).astype(int)
            high = np.ceil(np.max((a, b, c), axis=0)).astype(int) + 1
            across, down = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
            area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
            if abs(area) < 1e-9:
                continue
            second = ((across - a[0]) * (c[1] - a[1]) - (down - a[1]) * (c[0] - a[0])) / area
            third = ((b[0] - a[0]) * (down - a[1]) - (b[1] - a[1]) * (across - a[0])) / area
            weights = np.stack([1 - second - third, second, third], axis=-1)
            inside = (weights > -1e-6).all(axis=-1)
            image[low[1] : high[1], low[0] : high[0]][inside] = (weights @ value)[inside]
            covered[low[1] : high[1], low[0] : high[0]] |= inside
    return image, covered


def _continued(image: Floats, covered: NDArray[np.bool_]) -> Floats:
    """The image, with texels near a chart like their neighbours in it."""
    image, known = image.copy(), covered.copy()
    for _ in range(MARGIN):
        total, count = np.zeros_like(image), np.zeros(known.shape, np.float32)
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            near = np.roll(known, step, axis)
            total += np.roll(image, step, axis) * near[..., None]
            count += near
        fresh = ~known & (count > 0)
        image[fresh] = total[fresh] / count[fresh][:, None]
        known |= fresh
    return image


def softened(image: Floats, sigma: float) -> Floats:
    """Blurred by a Gaussian of so many texels; the picture's rims meet."""
    across = np.fft.rfftfreq(image.shape[1]).astype(np.float32)
    down = np.fft.fftfreq(image.shape[0]).astype(np.float32)[:, None]
    kernel = np.exp(-2 * (np.pi * sigma) ** 2 * (across**2 + down**2))
    return np.fft.irfft2(np.fft.rfft2(image) * kernel, s=image.shape).astype(np.float32)


@dataclass(frozen=True)
class Grain:
    """Fine patterns that tile; every person gets them shifted. side, side, standard deviation 1 or as said.

    Args:
        fine: Texture of a texel or two.
        soft: Texture of some four texels.
        pores: Pits: 0 between, -1 at the deepest.
        creases: Upright creases, as lips have them.
        bristles: 0 to 1: where hairs come through a shaved skin.
    """

    fine: Floats
    soft: Floats
    pores: Floats
    creases: Floats
    bristles: Floats


@cache
def grain(side: int) -> Grain:
    """The patterns for so many texels a side."""
    generator = np.random.default_rng([side, 18])
    scale = side / 1024

    def noise(sigma: float) -> Floats:
        image = softened(generator.standard_normal((side, side), dtype=np.float32), sigma)
        return np.asarray(image / image.std(), np.float32)

    rows = generator.standard_normal((side, side), dtype=np.float32)
    stretched = np.fft.irfft(np.fft.rfft(rows, axis=0) * _low(side, 22 * scale)[:, None], side, axis=0)
    creases = np.fft.irfft(np.fft.rfft(stretched, axis=1) * _low(side, 1.6 * scale), side, axis=1).astype(np.float32)
    bristles = np.clip(noise(0.55) - 1.0, 0, 2) / 2
    pits = -np.clip(noise(1.3 * scale) - 0.9, 0, 2) / 2
    return Grain(noise(0.7 * scale), noise(3 * scale), pits, creases / creases.std(), bristles)


def _low(side: int, sigma: float) -> Floats:
    return np.asarray(np.exp(-2 * (np.pi * sigma * np.fft.rfftfreq(side)) ** 2), np.float32)


def mottle(places: Floats, size: float, generator: np.random.Generator) -> Floats:
    """A smooth random field in space (standard deviation about 1) at places (H, W, 3), of so many metres a patch.

    It is the same on both sides of a seam. Worked out at a quarter of the resolution.
    """
    coarse = places[::4, ::4]
    lattice = generator.standard_normal((32, 32, 32), dtype=np.float32)
    at = coarse / size + 1000
    cell = np.floor(at).astype(np.int64)
    part = at - cell
    part = part * part * (3 - 2 * part)
    total = np.zeros(coarse.shape[:2], np.float32)
    for corner in range(8):
        step = np.array([corner & 1, corner >> 1 & 1, corner >> 2])
        weight = np.where(step, part, 1 - part).prod(axis=-1)
        i, j, k = np.moveaxis((cell + step) % 32, -1, 0)
        total += weight.astype(np.float32) * lattice[i, j, k]
    side = places.shape[0]
    large = Image.fromarray(total).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(large, np.float32) * np.float32(1.8)
