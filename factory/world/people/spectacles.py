"""Spectacles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from factory.world.scene import Colour


@dataclass(frozen=True)
class Spectacles:
    """Frames and glasses.

    Args:
        metal: The frame is thin metal rather than plastic.
        colour: Of the frame.
    """

    metal: bool
    colour: Colour

    @classmethod
    def drawn(cls, generator: np.random.Generator, age: float) -> Spectacles | None:
        """Spectacles of somebody, or none: older people wear them more often."""
        return cls(True, (0.5, 0.5, 0.5)) if generator.random() < 0.12 + 0.003 * age else None
