"""The surroundings of the face: the room, the neck, the clothes and the ears."""

from __future__ import annotations

import numpy as np

from factory.drawn.portrait.light import tint, towards
from factory.drawn.portrait.people import Capture, Subject
from factory.drawn.portrait.shape import Canvas
from factory.simulate.fields import Array, blurred, linear, mix, noise, resized, ridge, soft


def room(capture: Capture, size: int) -> Array:
    """A room out of focus, size,size,3: a wall with a gradient and a few pieces of furniture and light."""
    rng, cells = np.random.default_rng([capture.seed, 6]), 32
    wall = linear(np.clip(rng.uniform(80, 215) + rng.uniform(-10, 10, 3), 0, 255))
    (top, bottom), (left, right) = rng.uniform(0.7, 1.25, (2, 2)).tolist()
    field = np.linspace(top, bottom, cells)[:, None, None] * np.linspace(left, right, cells)[:, None] * wall
    for _ in range(int(rng.integers(0, 6))):
        (row, column), (height, width) = rng.integers(0, cells - 4, 2), rng.integers(4, 20, 2)
        field[row : row + height, column : column + width] = linear(
            np.clip(rng.uniform(40, 225) + rng.uniform(-12, 12, 3), 0, 255)
        )
    planes = [resized(blurred(field[..., c].astype(np.float32), 3.5), size, size) for c in range(3)]
    return np.clip(np.stack(planes, -1), 0.002, 1)


def body(subject: Subject, capture: Capture, canvas: Canvas, tone: Array, scene: Array) -> Array:
    """Neck and clothes over the scene."""
    light, colour, px = towards(capture), tint(capture), 2 * canvas.pixel
    x, y, side = canvas.x, canvas.y, np.abs(canvas.x)
    wide = 0.6 + 0.1 * subject.strong + 0.02 * subject.jaw
    neck = soft(wide + px, wide - px, side - 0.35 * soft(1.5, 2.3, y) ** 2) * soft(0.5, 0.6, y)
    across = np.clip(x / (wide + 0.05), -1, 1)
    lit = np.clip(0.3 + light[0] * across + light[2] * np.sqrt(1 - across * across), 0, 1.2)
    open_sky = 1 - 0.75 * soft(2.3, 1.6, y + 0.3 * side - 0.3 * float(light[0]) * x)  # the chin shades the throat
    cords = 1 + 0.06 * ridge(side - 0.3 - 0.1 * (2.1 - y), 0.08)
    value = (0.8 * capture.key * lit * open_sky + 0.5 * capture.ambient * (0.5 + 0.5 * open_sky)) * cords
    scene = mix(scene, tone * 0.92 * (value[..., None] * colour), neck)
    slope = 1.78 + 0.28 * (side / 1.2) ** 1.6
    collar = np.hypot(x / 0.72, (y - 1.5) / (0.5 + 0.45 * subject.collar)) - 1
    fold = noise(np.random.default_rng([capture.seed, 7]), x.shape[0], 7, 2)
    value = (0.5 + 0.25 * light[0] * x + 0.08 * fold) * capture.key + 0.45 * capture.ambient
    value *= 0.7 + 0.3 * soft(0.0, 0.08, collar)
    cloth = soft(-px, px, y - slope) * soft(-0.5 * px, 0.5 * px, collar)
    return mix(scene, linear(subject.clothes) * (np.clip(value, 0.02, 2)[..., None] * colour), cloth)


def ears(subject: Subject, capture: Capture, canvas: Canvas, tone: Array, scene: Array) -> Array:
    """Ears over the scene; the head is drawn over them later."""
    light, large = towards(capture), 1 + 0.08 * subject.ears
    skin = tone * np.array([1.0, 0.84, 0.82], np.float32)
    for side in (-1, 1):
        x, y = (canvas.x * side - 1.03) / (0.14 * large), (canvas.y - 0.24) / (0.3 * large)
        distance = np.hypot(x + 0.18 * y, y)
        lit = np.clip(0.45 + 0.45 * side * float(light[0]) + 0.2 * x, 0.08, 1)
        value = (capture.key * lit + 0.6 * capture.ambient) * (1 - 0.5 * ridge(distance - 0.55, 0.22))
        scene = mix(
            scene,
            skin * (value[..., None] * tint(capture)),
            soft(1 + 10 * canvas.pixel, 1 - 4 * canvas.pixel, distance),
        )
    return scene
