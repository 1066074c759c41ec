"""Clothes: what covers the shoulders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from factory.world.scene import Colour

Garment = Literal["t-shirt", "shirt", "hoodie"]


@dataclass(frozen=True)
class Dress:
    """What a person wears.

    Args:
        garment: Its kind.
        colour: Of the cloth.
    """

    garment: Garment
    colour: Colour

    @classmethod
    def drawn(cls, generator: np.random.Generator) -> Dress:
        """Clothes of somebody."""
        return cls("t-shirt", (0.05, 0.07, 0.15))
