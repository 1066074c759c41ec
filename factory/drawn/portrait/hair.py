"""Hair as two layers of strands: one over the face and one behind the neck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from factory.drawn.portrait.light import tint, towards
from factory.drawn.portrait.people import CUTS, HAIR, Capture, Subject
from factory.drawn.portrait.shape import Canvas
from factory.simulate.fields import Array, linear, ridge, sample, soft


@dataclass(frozen=True)
class Hair:
    """Opacity in front of the face and behind the neck (H,W in 0..1), and colour in the light (H,W,3 linear)."""

    front: Array
    back: Array
    colour: Array


def _strands(subject: Subject, canvas: Canvas, texture: Array) -> Array:
    """Noise stretched along the strands, which fan out from the parting and then fall; curly hair has tufts."""
    u, v, curl = canvas.u, canvas.v, CUTS[subject.cut].curl
    across = np.arctan2(u - 0.6 * subject.parting, 0.75 + np.clip(v + 1.1, -0.6, 0.9))
    across = across + curl * 0.07 * np.sin(v * 8 + 3 * across + subject.seed % 7)
    strand = 0.55 * sample(texture, across * 60, v * 3) + 0.9 * sample(texture, across * 19 + 100, v * 1.5 + 70)
    if curl > 0.5:
        tuft = sample(texture, u * 11 + 40, v * 11 + 40) + 0.6 * sample(texture, u * 23 + 40, v * 23 + 80)
        strand = (1 - 0.8 * curl) * strand + 0.8 * curl * tuft
    return np.asarray(strand, np.float32)


def hair(subject: Subject, capture: Capture, canvas: Canvas, texture: Array) -> Hair:
    """The hair of the subject in the light of the capture."""
    cut, u, v, px = CUTS[subject.cut], canvas.u, canvas.v, 2 * canvas.pixel
    a, side = np.abs(u), np.abs(canvas.x)
    strand = _strands(subject, canvas, texture)
    loose = 0.012 + 0.035 * cut.curl
    outer = 1 + cut.beside + (cut.above - cut.beside) * soft(0.2, -1.1, v) + loose * strand
    shell = soft(outer + px, outer - px, canvas.r)
    temple = cut.line + 0.08 - 0.04 * subject.hairline - 0.1 * subject.strong * (cut.line < -0.7)
    line = np.interp(a, [0, 0.3, 0.6, 0.78, 0.87, 0.96, 1.2], [cut.line, cut.line, temple, -0.45, 0.0, 0.16, 0.2])
    if cut.ends > 1 and cut.line < -0.7:  # long hair falls to both sides of the parting
        line = np.maximum(line, cut.line - 0.12 + 0.85 * np.abs(u - 0.4 * subject.parting) ** 1.5)
    cap = soft(0.035, -0.035, v - np.asarray(line, np.float32) + 0.035 * strand) * soft(0.3, 0.1, v)
    if subject.cut == "buzz":
        cap = cap * np.clip(0.72 + 0.1 * strand, 0, 1)
    front, back = shell * cap, shell * soft(cut.ends + 0.3, cut.ends - 0.1, canvas.y)
    if cut.ends > 1:
        width = 1.0 + cut.beside + 0.12 * cut.curl * np.sin(canvas.y * 5 + subject.seed) + 0.05 * strand
        fall = soft(width + px, width - px, side) * soft(-0.3, 0.0, canvas.y)
        ends = soft(cut.ends + 0.08, cut.ends - 0.08, canvas.y + 0.06 * strand)
        inner = 0.9 - 0.1 * soft(0.0, 1.0, v) + 0.25 * soft(1.2, 2.2, v)
        front = np.maximum(front, fall * ends * soft(-0.05, 0.05, a - inner + 0.03 * strand))
        back = np.maximum(back, fall * ends)
    if subject.cut == "tied":
        back = np.maximum(back, soft(0.36, 0.33, np.hypot(canvas.x, canvas.y + 1.62) + 0.02 * strand))
    if subject.cut == "bald":
        front, back = np.zeros_like(u), np.zeros_like(u)
    return Hair(np.asarray(front, np.float32), np.asarray(back, np.float32), _colour(subject, capture, canvas, strand))


def _colour(subject: Subject, capture: Capture, canvas: Canvas, strand: Array) -> Array:
    """Colour of strands on a dome: darker in depth, with the band of sheen that straight hair has."""
    light, base, curl = towards(capture), linear(HAIR[subject.hair]), CUTS[subject.cut].curl
    x, y = canvas.u / 1.3, canvas.v / 1.9
    lambert = np.clip(light[0] * x + light[1] * y + light[2] * np.sqrt(np.clip(1.1 - x * x - y * y, 0.05, 1)), 0, 1)
    lambert = 0.2 + 0.8 * lambert
    sheen = (
        ridge(canvas.v + 1.05 + 0.3 * light[1] + 0.05 * strand, 0.28)
        * np.clip(0.5 + 0.4 * strand, 0, 1.5)
        * (1 - 0.8 * curl)
    )
    deep = np.clip(1 + 0.33 * strand, 0.25, 2) * (0.55 + 0.45 * soft(1.9, 0.0, canvas.v))
    value = deep * (capture.key * lambert + 0.7 * capture.ambient)
    colour = base * value[..., None] + (0.03 + 0.3 * base) * (sheen * lambert * capture.key)[..., None]
    return np.asarray(colour * tint(capture), np.float32)
