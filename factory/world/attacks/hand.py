"""The hand that holds a sheet or a telephone: a thumb over its edge, and the ball of the thumb beside it."""

from __future__ import annotations

import numpy as np

from factory.world.attacks.presentation import skin_of
from factory.world.attacks.sheet import Doubles, Sheet, grid
from factory.world.people.figure import Figure
from factory.world.scene import Colour, Material, Mesh

RINGS, SIDES = 16, 14


def holding(sheet: Sheet, colour: Colour, generator: np.random.Generator) -> tuple[Mesh, ...]:
    """One thumb or two over the edges of a sheet."""
    both = [(side, generator.uniform(-0.42, -0.12)) for side in (-1, 1)]
    if generator.random() < 0.5:
        both = [both[int(generator.integers(2))]]
    material = Material(colour=colour, roughness=0.45, specular=0.35)
    return tuple(_thumb(sheet, side, up * sheet.height, material, generator) for side, up in both)


def skin_colour(impostor: Figure) -> Colour:
    """The mean colour of a person's skin."""
    red, green, blue = np.asarray(skin_of(impostor).material.colour, np.float64).reshape(-1, 3).mean(axis=0)
    return float(red), float(green), float(blue)


def _thumb(sheet: Sheet, side: int, up: float, material: Material, generator: np.random.Generator) -> Mesh:
    """A tube that begins behind the edge, comes round it and ends on the front."""
    edge = sheet.middle[0] + side * sheet.width / 2
    reach = min(generator.uniform(0.018, 0.034), 0.2 * sheet.width)  # a telephone is held by its rim
    rise = generator.uniform(0.3, 1.0) * reach
    low = up + sheet.middle[1]
    spine = np.array(  # place along s, along t, above the sheet; radius
        [
            [edge + side * 0.030, low - 0.055, -0.020, 0.026],
            [edge + side * 0.022, low - 0.030, -0.004, 0.020],
            [edge + side * 0.010, low - 0.008, 0.010, 0.0125],
            [edge - side * 0.3 * reach, low + 0.3 * rise, 0.0105, 0.0105],
            [edge - side * 0.75 * reach, low + 0.75 * rise, 0.0085, 0.0105],
            [edge - side * reach, low + rise, 0.0065, 0.0065],
            [edge - side * (reach + 0.003), low + rise + 0.002, 0.0055, 0.0005],
        ]
    )
    along = np.linspace(0, len(spine) - 1, RINGS)
    line = np.stack([np.interp(along, np.arange(len(spine)), column) for column in spine.T], 1)
    points = np.concatenate([_ring(line, ring) for ring in range(RINGS)])
    u, v = np.meshgrid(np.linspace(0, 1, SIDES), np.linspace(0, 1, RINGS))
    uv = np.stack([u.ravel(), v.ravel()], 1).astype(np.float32)
    return Mesh(sheet.at(points[:, :2], points[:, 2]), grid(SIDES, RINGS), uv, material)


def _ring(line: Doubles, number: int) -> Doubles:
    """SIDES, 3: places and heights around the spine."""
    before, after = line[max(number - 1, 0), :3], line[min(number + 1, RINGS - 1), :3]
    forward = (after - before) / np.linalg.norm(after - before)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    above = np.cross(right, forward)
    turn = np.linspace(0, 2 * np.pi, SIDES)[:, None]
    return np.asarray(line[number, :3] + line[number, 3] * (np.cos(turn) * right + 0.85 * np.sin(turn) * above))
