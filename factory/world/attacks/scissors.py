"""Outlines that scissors leave on a page: each says for every texel how far it lies on the kept side, in metres."""

from __future__ import annotations

import numpy as np

from factory.world.attacks.page import Page
from factory.world.attacks.sheet import Doubles

Range = tuple[float, float]


def oval(
    page: Page, middle: tuple[float, float], half: tuple[float, float], generator: np.random.Generator
) -> Doubles:
    """Rows, columns: inside of an oval about a place; `half` is half its width and height."""
    away = page.texels_places() - middle
    return -_beyond(away, half, generator, 0.02)


def eyes(page: Page, wide: Range, high: Range, generator: np.random.Generator) -> Doubles:
    """Rows, columns: outside of holes at the printed eyes; half their widths and heights are drawn from ranges."""
    texels = page.texels_places()
    holes = [
        _beyond(texels - eye, (generator.uniform(*wide), generator.uniform(*high)), generator, 0.06)
        for eye in page.places(page.enrolment.landmarks[:2])
    ]
    return np.minimum(*holes)


def mouth(page: Page, generator: np.random.Generator) -> Doubles:
    """Rows, columns: outside of a hole at the printed mouth."""
    middle = page.places(page.enrolment.landmarks[3:]).mean(axis=0)
    half = (generator.uniform(0.02, 0.026), generator.uniform(0.005, 0.009))
    return _beyond(page.texels_places() - middle, half, generator, 0.05)


def band(page: Page, low: float, high: float, half: float, corner: float) -> Doubles:
    """Rows, columns: inside of a rectangle with round corners, between two heights and two sides."""
    away = np.abs(page.texels_places() - (0.0, (low + high) / 2)) - (half - corner, (high - low) / 2 - corner)
    outside = np.hypot(*np.maximum(away, 0).transpose(2, 0, 1)) + np.minimum(away.max(axis=2), 0)
    return np.asarray(corner - outside)


def _beyond(away: Doubles, half: tuple[float, float], generator: np.random.Generator, wobble: float) -> Doubles:
    """About how far places lie outside of an uneven oval."""
    angle = np.arctan2(away[..., 1], away[..., 0])
    first, second = generator.uniform(0, 6, 2)
    edge = 1 + wobble * (np.sin(3 * angle + first) + 0.6 * np.sin(5 * angle + second))
    return np.asarray((np.hypot(away[..., 0] / half[0], away[..., 1] / half[1]) - edge) * min(half))


def spectacles(page: Page, generator: np.random.Generator) -> Doubles:
    """Rows, columns: inside of two wide rings with the printed eyes in them, a bridge and temples."""
    texels = page.texels_places()
    marks = page.places(page.enrolment.landmarks[:2])
    half = (generator.uniform(0.027, 0.030), generator.uniform(0.020, 0.025))
    glasses = np.maximum(*(-_beyond(texels - eye, half, generator, 0.015) for eye in marks))
    height = marks[:, 1].mean() + generator.uniform(0.0, 0.008)
    bar = generator.uniform(0.003, 0.006) - np.abs(texels[..., 1] - height)
    return np.asarray(np.maximum(glasses, bar))
