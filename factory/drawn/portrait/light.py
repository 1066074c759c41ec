"""Light on the head: a key light with cast shadows, ambient light with occlusion, and a little gloss."""

from __future__ import annotations

import numpy as np

from factory.drawn.portrait.people import Capture
from factory.drawn.portrait.shape import Canvas
from factory.simulate.fields import Array, blurred, reduced, resized


def towards(capture: Capture) -> Array:
    """Unit vector towards the key light: right, down, towards the camera."""
    azimuth, elevation = np.deg2rad(capture.light)
    x, z = np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation)
    return np.array([x, -np.sin(elevation), z], np.float32)


def tint(capture: Capture) -> Array:
    """Colour of the key light, 3 linear values near 1."""
    return np.array([1 + 0.1 * capture.warmth, 1, 1 - 0.16 * capture.warmth], np.float32)


def cast_shadow(light: Array, height: Array, pixel: float) -> Array:
    """Soft shadow H,W in 0..1, by marching from every point of the height field to the light at half resolution."""
    small = reduced(height, 2)
    flat = float(np.hypot(light[0], light[1]))
    shadow = np.zeros_like(small)
    for reach in np.linspace(0.05, 0.7, 10):
        right, down = (int(round(float(c) / flat * reach / (2 * pixel))) for c in light[:2])
        there = np.roll(small, (-down, -right), (0, 1))
        shadow = np.maximum(shadow, (there - small - reach * float(light[2]) / flat) / (0.06 + 0.15 * reach))
    return resized(blurred(np.clip(shadow, 0, 1).astype(np.float32), 2), *height.shape)


def shade(canvas: Canvas, capture: Capture, hair: Array) -> tuple[Array, Array]:
    """Diffuse light H,W,3 and gloss H,W of the head; `hair` (H,W, 0..1) casts shadows too.

    Diffuse is a Lambert term wrapped round the terminator, most strongly in red, like light that passed through skin.
    """
    light, colour = towards(capture), tint(capture)
    dv, du = np.gradient(canvas.z, canvas.pixel)
    du, dv = du - canvas.turn[0], dv - canvas.turn[1]
    norm = 1 / np.sqrt(1 + du * du + dv * dv)
    lambert = (light[2] - light[0] * du - light[1] * dv) * norm
    shadow = cast_shadow(light, canvas.z + 0.12 * hair, canvas.pixel)
    hollow = np.clip(blurred(canvas.z, 0.16 / canvas.pixel) - canvas.z, -0.05, 0.15)
    sky = np.clip(1 - 3.5 * hollow, 0.35, 1.15) * (0.7 - 0.25 * dv * norm) * (0.35 + 0.65 * norm)
    diffuse = np.empty((*canvas.z.shape, 3), np.float32)
    for channel, (wrap, dark) in enumerate(((0.3, 0.72), (0.17, 0.82), (0.12, 0.85))):
        lit = np.clip((lambert + wrap) * (1 / (1 + wrap)), 0, 1) * (1 - dark * shadow)
        diffuse[..., channel] = capture.key * colour[channel] * lit + capture.ambient * (2 - colour[channel]) * sky
    middle = light + np.array([0, 0, 1], np.float32)
    middle /= np.linalg.norm(middle)
    facing = np.clip((middle[2] - middle[0] * du - middle[1] * dv) * norm, 0, 1) ** 6
    gloss = capture.key * (0.35 * facing + facing**4) * (1 - shadow)
    return diffuse, np.asarray(gloss, np.float32)
