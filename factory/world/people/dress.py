"""Clothes: T-shirts, shirts with a collar and hoodies over the shoulders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from factory.world.people.cloth import Cloth, bare, draped
from factory.world.people.tubes import tube
from factory.world.scene import Colour, Floats, Material, Mesh

Garment = Literal["t-shirt", "shirt", "hoodie"]
Pattern = Literal["plain", "stripes", "checks", "melange"]
SIDE = 256  # pixels of the cloth's texture
SPAN = 0.8  # metres that it covers
AROUND = 64  # points along a neckline

FIT = {"t-shirt": (0.005, 0.0022), "shirt": (0.006, 0.003), "hoodie": (0.012, 0.004)}  # gap to the skin, folds: metres


@dataclass(frozen=True)
class Dress:
    """What a person wears.

    Args:
        seed: Of folds and weave.
        garment: Its kind.
        colour: Of the cloth.
        second: Of what is on it.
        pattern: What is on it.
        drop: Metres from the base of the neck out to a T-shirt's neckline.
        point: Metres that it goes further at the throat.
    """

    seed: int
    garment: Garment
    colour: Colour
    second: Colour
    pattern: Pattern
    drop: float
    point: float

    @classmethod
    def drawn(cls, generator: np.random.Generator) -> Dress:
        """Clothes of somebody."""
        garments: tuple[Garment, ...] = ("t-shirt", "shirt", "hoodie")
        patterns: tuple[Pattern, ...] = ("plain", "stripes", "checks", "melange")
        garment = garments[int(generator.choice(3, p=(0.45, 0.33, 0.22)))]
        shares = {"t-shirt": (0.6, 0.2, 0, 0.2), "shirt": (0.55, 0.2, 0.25, 0), "hoodie": (0.6, 0, 0, 0.4)}[garment]
        return cls(
            seed=int(generator.integers(2**32)),
            garment=garment,
            colour=_dye(generator),
            second=_dye(generator),
            pattern=patterns[int(generator.choice(4, p=shares))],
            drop=float(generator.uniform(0.0, 0.022)),
            point=float(generator.choice([0.0, generator.uniform(0.02, 0.05)], p=(0.75, 0.25))),
        )


def dress(dress: Dress, points: Floats) -> tuple[Mesh, ...]:
    """Bodies of the clothes on a head mesh (V, 3) that is not turned."""
    cloth = Material(colour=_texture(dress), roughness=0.85, specular=0.2, sheen=0.4)
    body = draped(points, *_neckline(dress), *FIT[dress.garment], dress.seed)
    line = _line(body)
    made = [_body(body, cloth)]
    if dress.garment == "t-shirt":
        rib = Material(colour=dress.colour, roughness=0.9, specular=0.15, sheen=0.4)
        made.append(tube(line, np.full(AROUND, 0.0035), rib, closed=True))
    elif dress.garment == "shirt":
        made.append(_collar(line, cloth))
    else:
        made += [*_hood(line, cloth), *_cords(line)]
    return tuple(made)


def uncovered(dress: Dress) -> NDArray[np.bool_]:
    """For each quad of the head mesh's body: whether the clothes leave it to be seen."""
    return bare(*_neckline(dress))


def _neckline(dress: Dress) -> tuple[float, float]:
    """Metres that it lies away from the base of the neck, and that it goes further at the throat."""
    if dress.garment == "t-shirt":
        return dress.drop, dress.point
    return (0.0, 0.018) if dress.garment == "shirt" else (0.002, 0.012)


def _body(cloth: Cloth, material: Material) -> Mesh:
    return _mesh(cloth.points, cloth.triangles, material)


def _mesh(points: NDArray[np.float64], triangles: NDArray[np.int64], material: Material) -> Mesh:
    """Texture coordinates are those of a plane before the chest."""
    uv = np.stack([points[:, 0], points[:, 1] - 0.5 * points[:, 2]], axis=1) / SPAN + 0.5
    return Mesh(points.astype(np.float32), triangles.astype(np.uint32), uv.astype(np.float32), material)


def _line(cloth: Cloth) -> NDArray[np.float64]:
    """AROUND, 3: the neckline, smooth, from the throat by the person's left."""
    edge = cloth.points[cloth.neckline]
    length = np.linalg.norm(np.roll(edge, -1, axis=0) - edge, axis=1)
    at = np.r_[0, np.cumsum(length)]
    closed = np.concatenate([edge, edge[:1]])
    steps = np.arange(AROUND) / AROUND * at[-1]
    line = np.stack([np.interp(steps, at, closed[:, axis]) for axis in range(3)], axis=1)
    for _ in range(3):
        line = (np.roll(line, 1, axis=0) + 2 * line + np.roll(line, -1, axis=0)) / 4
    return line


def _collar(line: NDArray[np.float64], material: Material) -> Mesh:
    """A stand around the neck and a fall over it, open at the throat, where the fall has points."""
    around = np.linspace(0.02, 0.98, AROUND)  # of the way around, from the throat
    at = np.linspace(0, 1, AROUND + 1)
    closed = np.concatenate([line, line[:1]])
    foot = np.stack([np.interp(around, at, closed[:, axis]) for axis in range(3)], axis=1)
    middle = foot.mean(axis=0)
    out = foot - middle
    out[:, 1] = 0
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    front = np.exp(-((np.minimum(around, 1 - around) / 0.10) ** 2))[:, None]
    up = np.array([0.0, 1.0, 0.05])
    stand = 0.030 - 0.010 * front
    fall = 0.040 + 0.028 * front
    rows = [
        foot - 0.002 * out,
        foot + 0.5 * stand * up - 0.003 * out,
        foot + stand * up - 0.002 * out,
        foot + (stand + 0.002) * up + 0.003 * out,
        foot + (stand - 0.3 * fall) * up + 0.010 * out,
        foot + (stand - 0.65 * fall) * up + (0.016 + 0.004 * front) * out,
        foot + (stand - fall) * up + (0.021 + 0.008 * front) * out,
    ]
    return _sheet(np.stack(rows), material)


def _hood(line: NDArray[np.float64], material: Material) -> tuple[Mesh, ...]:
    """A thick edge around the neck and the hood's folds that lie behind it."""
    back = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(AROUND) / AROUND)) ** 0.8
    middle = line.mean(axis=0)
    out = line - middle
    out[:, 1] = 0
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    up = np.array([0.0, 1.0, 0.0])
    inner = line + 0.004 * out + (0.004 + 0.014 * back)[:, None] * up
    outer = line + (0.010 + 0.022 * back)[:, None] * out + (0.002 + 0.006 * back)[:, None] * up
    return (
        tube(inner, 0.009 + 0.011 * back, material, closed=True),
        tube(outer, 0.010 + 0.018 * back, material, closed=True),
    )


def _cords(line: NDArray[np.float64]) -> tuple[Mesh, ...]:
    cord = Material(colour=(0.6, 0.58, 0.55), roughness=0.8)
    made = []
    for number in (3, AROUND - 3):
        start = line[number]
        steps = np.linspace(0, 1, 8)[:, None]
        drop = np.array([0.15 * start[0], -0.10, 0.035])
        run = start + np.array([0.0, -0.004, 0.014]) + steps * drop
        made.append(tube(run, np.full(8, 0.0022), cord))
    return tuple(made)


def _sheet(rows: NDArray[np.float64], material: Material) -> Mesh:
    """A surface through rows of points (R, C, 3)."""
    high, wide = rows.shape[:2]
    number = np.arange(high * wide).reshape(high, wide)
    one, two, three, four = (
        block.ravel() for block in (number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1])
    )
    return _mesh(rows.reshape(-1, 3), np.concatenate([np.c_[one, two, three], np.c_[one, three, four]]), material)


def _texture(dress: Dress) -> Floats:
    generator = np.random.default_rng(dress.seed)
    first, second = np.array(dress.colour), np.array(dress.second)
    row, column = np.mgrid[:SIDE, :SIDE] * SPAN / SIDE
    period = generator.uniform(0.012, 0.06)
    if dress.pattern == "stripes":
        along = row if dress.garment == "t-shirt" else column
        share = (np.sin(2 * np.pi * along / period) > generator.uniform(-0.2, 0.7)).astype(float)
    elif dress.pattern == "checks":
        share = sum((np.sin(2 * np.pi * along / period) > 0.3).astype(float) for along in (row, column)) / 2
    elif dress.pattern == "melange":
        share = 0.5 * generator.random((SIDE, SIDE))
    else:
        share = np.zeros((SIDE, SIDE))
    image = first + share[..., None] * (second - first)
    return np.asarray(image * generator.uniform(0.88, 1.12, (SIDE, SIDE, 1)), np.float32)


def _dye(generator: np.random.Generator) -> Colour:
    """Colours that people wear: many greys, navies and muted ones, few bright."""
    grey = float(np.exp(generator.uniform(np.log(0.012), np.log(0.75))))
    strength = float(generator.choice([0.0, 0.35, 0.8], p=(0.4, 0.4, 0.2)))
    hue = generator.choice([0.0, 0.08, 0.33, 0.58, 0.62, 0.65, 0.9]) + generator.normal(0, 0.02)
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (hue - np.array([0, 1 / 3, 2 / 3])))
    red, green, blue = (float(value) for value in np.clip(grey * (1 - strength + strength * 1.8 * wheel), 0.008, 0.8))
    return red, green, blue
