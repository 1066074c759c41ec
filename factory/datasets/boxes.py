"""Face boxes in the form of the data sets: lines of numbers that begin with the number of a frame."""

from __future__ import annotations

import numpy as np

from difffas.errors import UnreadableError
from factory.sources.faces import Box, landmark_box
from factory.tables.decimals import decimal

# Distance from eyes to mouth over the distance between the eyes: the median of 84 NUAA frames (10 to 90 %: 1.00 to
# 1.17). [ours]
MOUTH = 1.09


def row(text: str, frame: int, count: int, separator: str | None = None) -> list[float] | None:
    """Return the numbers after `frame` in the first line that begins with it; None if there is no such line.

    Raises:
        UnreadableError: `broken box file` if a line holds anything but numbers, or this line fewer than `count`.
    """
    for line in text.splitlines():
        if line.strip():
            try:
                first, *numbers = (decimal(part) for part in line.strip().rstrip(",").split(separator))
            except ValueError:
                raise UnreadableError("broken box file") from None
            if first == frame:
                if len(numbers) < count or not np.isfinite(numbers).all():
                    raise UnreadableError("broken box file")
                return numbers
    return None


def sized(x: float, y: float, width: float, height: float) -> Box | None:
    """Return a box, or None if it has no area, which marks a face that the detector missed."""
    return Box(x, y, width, height) if width > 0 and height > 0 else None


def of_eyes(x_one: float, y_one: float, x_other: float, y_other: float) -> Box | None:
    """Return the box that RetinaFace would draw around these eyes, with the mouth assumed below them. [ours]"""
    one, other = np.array([x_one, y_one]), np.array([x_other, y_other])
    across = other - one if other[0] >= one[0] else one - other
    if not across.any():
        return None
    mouth = (one + other) / 2 + MOUTH * np.array([-across[1], across[0]])
    return landmark_box(np.concatenate([one, other, mouth, mouth]))
