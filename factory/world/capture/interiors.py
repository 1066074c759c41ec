"""A room as seen from the person's head: boxes with pictures on them, lit by its lamps, as one picture all around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from factory.world.capture.filters import blurred, resized
from factory.world.scene import Colour, Floats, Point

Numbers = NDArray[np.float32 | np.float64]

COARSE = (192, 384)
FINE = 4  # times as many pixels behind the person, where cameras look
BEHIND = 42.0  # degrees around the way behind the person that are fine


@dataclass(frozen=True)
class Block:
    """A thing in the room.

    Args:
        lower: Its smallest coordinates, metres from between the person's eyes.
        upper: Its largest.
        surface: H, W, 3 or 4: what is on each of its sides.
        shines: The surface is radiance rather than reflectance.
    """

    lower: Point
    upper: Point
    surface: Floats
    shines: bool = False


@dataclass(frozen=True)
class Light:
    """A small area that lights the room.

    Args:
        centre: Metres.
        normal: Where it shines.
        area: Square metres.
        radiance: What it sends.
    """

    centre: Point
    normal: Point
    area: float
    radiance: Colour


@dataclass(frozen=True)
class Interior:
    """A room's inside.

    Args:
        lower: Smallest coordinates of its walls.
        upper: Largest.
        walls: Surfaces across x, y (floor, then ceiling) and z: in this order (both x, floor, ceiling, both z).
        blocks: What stands in it or hangs on its walls.
        lights: What lights it.
        blur: Standard deviation of the background's softness, degrees.
    """

    lower: Point
    upper: Point
    walls: tuple[Floats, Floats, Floats, Floats]
    blocks: tuple[Block, ...]
    lights: tuple[Light, ...]
    blur: float


def surroundings(interior: Interior) -> Floats:
    """H, W, 3: the radiance from all around, as `scene.Scene.surroundings` lays it out."""
    height, width = COARSE
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    coarse = seen(interior, directions(rows / height, columns / width))
    image = resized(coarse, FINE * height, FINE * width, Image.Resampling.BILINEAR)  # a lamp's edge must not ring
    height, width = image.shape[:2]
    reach = round(BEHIND / 180 * height)
    rows, columns = np.arange(height // 2 - reach, height // 2 + reach), np.arange(-reach, reach) % width
    fine = seen(interior, directions((rows + 0.5) / height, (columns + 0.5) / width))
    image[rows[:, None], columns] = blurred(fine, interior.blur / 180 * height)
    return image


def directions(down: Numbers, across: Numbers) -> Floats:
    """R, C, 3: unit vectors for shares of the picture's height and width."""
    fall, turn = down[:, None] * np.pi, (0.5 - across[None]) * 2 * np.pi
    flat = np.sin(fall)
    vectors = np.stack([flat * np.sin(turn), np.cos(fall) + 0 * turn, flat * np.cos(turn)], axis=2)
    return np.asarray(vectors, np.float32)


def seen(interior: Interior, rays: Floats) -> Floats:
    """R, C, 3: the radiance that comes from each direction (R, C, 3)."""
    flat = rays.reshape(-1, 3)
    away, normals, colours = _walls(interior, flat)
    glow = np.zeros(len(flat), bool)
    for block in interior.blocks:
        _cover(block, flat, away, normals, colours, glow)
    places = flat * away[:, None]
    lit = colours * _irradiance(interior, places, normals) / np.float32(np.pi)
    return np.where(glow[:, None], colours, lit).reshape(rays.shape)


def _walls(interior: Interior, rays: Floats) -> tuple[Floats, Floats, Floats]:
    """Distance, inward normal and colour of the walls along rays N, 3."""
    lower, upper = np.array(interior.lower, np.float32), np.array(interior.upper, np.float32)
    steps = np.where(np.abs(rays) < 1e-6, np.float32(1e-6), rays)
    ahead = np.where(steps > 0, upper, lower) / steps
    away = np.minimum(np.minimum(ahead[:, 0], ahead[:, 1]), ahead[:, 2])
    axis = np.where(ahead[:, 0] == away, 0, np.where(ahead[:, 1] == away, 1, 2))
    every = np.arange(len(rays))
    normals = np.zeros_like(rays)
    normals[every, axis] = -np.sign(rays[every, axis])
    share = (rays * away[:, None] - lower) / (upper - lower)
    colours = np.zeros_like(rays)
    sides = (
        (axis == 0, 2, 1),
        ((axis == 1) & (rays[:, 1] < 0), 0, 2),
        ((axis == 1) & (rays[:, 1] > 0), 0, 2),
        (axis == 2, 0, 1),
    )
    for surface, (chosen, right, up) in zip(interior.walls, sides, strict=True):
        colours[chosen] = _looked_up(surface, share[chosen, right], share[chosen, up])
    return away, normals, colours


def _cover(
    block: Block, rays: Floats, away: Floats, normals: Floats, colours: Floats, glow: NDArray[np.bool_]
) -> None:
    """Put a block before what was seen so far, in place, where it is nearer."""
    lower, upper = np.array(block.lower, np.float32), np.array(block.upper, np.float32)
    middle, radius = (lower + upper) / 2, float(np.linalg.norm(upper - lower)) / 2
    far = float(np.linalg.norm(middle))
    if far > radius:
        near = np.flatnonzero(rays @ (middle / far) >= np.sqrt(1 - (radius / far) ** 2))
    else:
        near = np.arange(len(rays))
    part = rays[near]
    part = np.where(np.abs(part) < 1e-6, np.float32(1e-6), part)
    first, second = lower / part, upper / part
    enter, leave = np.minimum(first, second), np.maximum(first, second)
    hit = np.maximum(np.maximum(enter[:, 0], enter[:, 1]), enter[:, 2])
    out = np.minimum(np.minimum(leave[:, 0], leave[:, 1]), leave[:, 2])
    met = np.flatnonzero((hit < out) & (hit > 0) & (hit < away[near]))
    near, part, hit, axis = near[met], part[met], hit[met], np.argmax(enter[met], axis=1)
    share = (part * hit[:, None] - lower) / np.maximum(upper - lower, 1e-6)
    found = _looked_up(
        block.surface, np.where(axis == 0, share[:, 2], share[:, 0]), np.where(axis == 1, share[:, 2], share[:, 1])
    )
    if found.shape[1] == 4:
        solid = found[:, 3] > 0.5
        near, part, axis, hit, found = near[solid], part[solid], axis[solid], hit[solid], found[solid, :3]
    away[near], colours[near], glow[near] = hit, found, block.shines
    normals[near] = 0
    normals[near, axis] = -np.sign(part[np.arange(len(near)), axis])


def _looked_up(surface: Floats, right: Floats, up: Floats) -> Floats:
    height, width = surface.shape[:2]
    row = np.clip(((1 - up) * height).astype(int), 0, height - 1)
    column = np.clip((right * width).astype(int), 0, width - 1)
    return np.asarray(surface[row, column], np.float32)


def _irradiance(interior: Interior, places: Floats, normals: Floats) -> Floats:
    """N, 3: what falls on points of surfaces: from lamps, taken as points, and passed on between the walls."""
    lower, upper = np.array(interior.lower), np.array(interior.upper)
    size = upper - lower
    walls = 2 * (size[0] * size[1] + size[1] * size[2] + size[2] * size[0])
    mean = np.mean([surface.reshape(-1, 3).mean(axis=0) for surface in interior.walls], axis=0)
    centres, facing, radiances = (
        np.array([getattr(light, name) for light in interior.lights], np.float32)
        for name in ("centre", "normal", "radiance")
    )
    areas = np.array([light.area for light in interior.lights], np.float32)
    flux = np.pi * areas @ radiances
    at_place = normals @ centres.T - np.einsum("nc,nc->n", places, normals)[:, None]  # N, lights
    at_lamp = places @ facing.T - np.einsum("lc,lc->l", centres, facing)
    square = np.einsum("nc,nc->n", places, places)[:, None] - 2 * places @ centres.T + (centres**2).sum(axis=1)
    received = np.maximum(at_place, 0) * np.maximum(at_lamp, 0) * areas / np.maximum(square, 0.1) ** 2
    spread = np.asarray(flux / walls * mean / (1 - mean), np.float32)
    x, y, z = np.minimum(places - lower.astype(np.float32), upper.astype(np.float32) - places).T
    corner = np.maximum(
        np.minimum(x, y), np.minimum(np.maximum(x, y), z)
    )  # the middle one: metres to where walls meet
    open_to = 1 - 0.45 * np.exp(-np.maximum(corner, 0) / 0.25)
    return np.asarray(received @ radiances + spread * open_to[:, None], np.float32)
