"""Scalp hair tied back: drawn over the skull to a knot, and the tail or the bun that hangs there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from factory.world.people.envelope import Envelope
from factory.world.people.head import base
from factory.world.people.roots import Roots, skin_normals
from factory.world.scene import Floats

OVER, BEHIND = 14, 12  # points of a strand over the skull, and of one that hangs from the knot


@dataclass(frozen=True)
class Knot:
    """Where and how hair is tied.

    Args:
        direction: Of the knot from the skull's middle.
        bun: Metres: a bun's radius; None is a tail.
        tail: Metres: a tail's length.
    """

    direction: tuple[float, float, float]
    bun: float | None = None
    tail: float = 0.25


KNOTS = {
    "ponytail": Knot((0.0, 0.35, -0.94)),
    "bun": Knot((0.0, 0.12, -1.0), bun=0.03),
    "topknot": Knot((0.0, 0.86, -0.5), bun=0.032),
}


def drawn_back(knot: Knot, roots: Roots, points: Floats, around: Envelope, generator: np.random.Generator) -> Floats:
    """S, P, 3: strands from the roots to the knot, close over the skull."""
    start, normal = roots.at(points), roots.at(skin_normals(points))
    middle = around.middle
    to = np.array(knot.direction) / np.linalg.norm(knot.direction)
    first = start - middle
    first = first / np.linalg.norm(first, axis=1, keepdims=True)
    first[:, 0] += 0.01 * np.sign(first[:, 0])  # none runs over the very pole
    along = np.linspace(0, 1, OVER)[None, :, None]
    apart = np.arccos(np.clip(np.sum(first * to, axis=1), -0.98, 1))[:, None, None]
    way = (np.sin((1 - along) * apart) * first[:, None] + np.sin(along * apart) * to) / np.maximum(np.sin(apart), 0.02)
    lock = np.floor(roots.at(base().points) @ np.array([[140.0], [90.0], [60.0]]))
    ridge = np.modf(np.sin(lock * 12.9898) * 43758.5453)[0]  # a slight relief, lock by lock
    layer = 0.0025 + 0.002 * np.abs(ridge) + 0.001 * generator.random((len(start), 1))
    off = np.minimum(layer * np.clip(np.linspace(0, 1, OVER)[None] / 0.15, 0.2, 1), 0.008)
    far = middle + way * 0.02
    far = far + generator.normal(0, 0.0003, far.shape)
    path = around.pushed(np.asarray(far.reshape(-1, 3), np.float32), np.asarray(off.ravel(), np.float32))
    path = path.reshape(far.shape)
    path[:, 0] = start - 0.001 * normal
    return np.asarray(path, np.float32)


def hanging(knot: Knot, around: Envelope, count: int, generator: np.random.Generator) -> Floats:
    """S, P, 3: the strands of the tail or the bun at the knot."""
    to = np.array(knot.direction) / np.linalg.norm(knot.direction)
    place = around.pushed(np.asarray((around.middle + 0.02 * to)[None], np.float32), 0.004)[0]
    if knot.bun is not None:
        wound = _bun(place + 0.7 * knot.bun * to, knot.bun, to, count, generator)
        return around.pushed(wound.reshape(-1, 3), 0.001).reshape(wound.shape)
    along = np.linspace(0, 1, BEHIND)
    length = knot.tail * generator.uniform(0.7, 1.0, count)[:, None]
    back = 0.035 * (1 - np.exp(-length * along / 0.03))
    down = length * along - back * 0.5
    middle = place + back[..., None] * to + down[..., None] * np.array([0, -1.0, 0])
    spread = 0.008 + 0.018 * np.sin(np.pi * np.clip(along * 0.9, 0, 1))
    turn, far = generator.uniform(0, 2 * np.pi, (count, 1)), np.sqrt(generator.random((count, 1)))
    wave = 0.004 * np.sin(6 * along[None] + turn)
    middle[..., 0] += spread * far * np.cos(turn) + wave
    middle[..., 2] += 0.7 * spread * far * np.sin(turn)
    path = around.pushed(np.asarray(middle.reshape(-1, 3), np.float32), 0.003)
    return path.reshape(middle.shape)


def _bun(middle: Floats, radius: float, axis: Floats, count: int, generator: np.random.Generator) -> Floats:
    """Strands wound around the bun's axis."""
    across = np.cross(axis, [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    third = np.cross(axis, across)
    turn = generator.uniform(0, 2 * np.pi, (count, 1)) + np.linspace(0, 2.2, BEHIND)[None]
    height = generator.uniform(-1, 1, (count, 1)) + np.linspace(0, 0.35, BEHIND)[None] * generator.normal(
        0, 1, (count, 1)
    )
    height = np.clip(height, -1, 1)
    size = radius * (1 + 0.06 * np.sin(3 * turn + 5 * height) + generator.normal(0, 0.03, (count, 1)))
    flat = size * np.sqrt(np.maximum(1 - height**2, 0.02))
    return np.asarray(
        middle
        + 0.85 * (size * height)[..., None] * axis
        + (flat * np.cos(turn))[..., None] * across
        + (flat * np.sin(turn))[..., None] * third,
        np.float32,
    )
