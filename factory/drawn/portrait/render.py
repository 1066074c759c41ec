"""Render one picture of one subject."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from difffas.errors import UserError
from factory.drawn.portrait import features
from factory.drawn.portrait.hair import hair
from factory.drawn.portrait.light import shade, tint
from factory.drawn.portrait.people import Capture, Subject
from factory.drawn.portrait.scene import body, ears, room
from factory.drawn.portrait.shape import Canvas, pose
from factory.simulate.fields import Array, blurred, mix, soft

SUPERSAMPLING = 2


def render(subject: Subject, capture: Capture, size: int) -> npt.NDArray[np.uint8]:
    """Picture of the subject in this capture: uint8 size,size,3 RGB. The same arguments give the same bytes.

    Raises UserError for a size outside 16..1024.
    """
    if not 16 <= size <= 1024:
        raise UserError(f"portrait size {size} is outside 16..1024 pixels")
    full = size * SUPERSAMPLING
    texture, tone = features.grain(subject), features.tone(subject)
    canvas = pose(subject, capture, texture, full)
    strands = hair(subject, capture, canvas, texture)
    scene = mix(room(capture, full), strands.colour * 0.6, strands.back)
    scene = body(subject, capture, canvas, tone, scene)
    scene = ears(subject, capture, canvas, tone, scene)
    scene = mix(
        scene,
        _face(subject, capture, canvas, texture, strands.front),
        soft(1 + 2 * canvas.pixel, 1 - 2 * canvas.pixel, canvas.r),
    )
    return _develop(mix(scene, strands.colour, strands.front), tone, capture)


def _face(subject: Subject, capture: Capture, canvas: Canvas, texture: Array, front: Array) -> Array:
    """The lit head, H,W,3: paint, then shade, then gloss; `front` is the hair over the head."""
    colour = features.skin(subject, canvas, texture)
    features.beard(subject, canvas, colour, texture)
    features.lips(subject, capture, canvas, colour)
    features.brows(subject, canvas, colour, texture)
    opening, glint = features.eyes(subject, capture, canvas, colour)
    diffuse, gloss = shade(canvas, capture, front)
    roots = 1 - 0.3 * np.clip(blurred(front, 0.1 / canvas.pixel), 0, 1)
    gloss = 0.07 * gloss * (1 - opening) * soft(1.0, 0.85, canvas.r) + 0.8 * glint
    return np.asarray(colour * diffuse * roots[..., None] + gloss[..., None] * tint(capture), np.float32)


def _develop(scene: Array, tone: Array, capture: Capture) -> npt.NDArray[np.uint8]:
    """Exposure for the face (deep skin a little longer, as cameras meter), a film-like curve, grain, reduction."""
    light = np.clip(scene * (1.08 / (float(tone.mean()) + 0.12) ** 0.35), 0, None)
    light = light**1.15 * (1 + 0.12 * light) / (0.95 + 0.6 * light)
    grain = np.random.default_rng([capture.seed, 8]).standard_normal((*light.shape[:2], 1), np.float32)
    picture = np.clip(light, 0, 1) ** (1 / 2.2) * 255 + 2 * grain + 0.5
    return np.asarray(Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).reduce(SUPERSAMPLING))
