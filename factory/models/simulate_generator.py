"""Spoofs without a network and without a guide's looks: the physical attacks of `factory.simulate` on a live face.

A generator must beat it to be worth its price (docs/results.md compares them).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from difffas.errors import UserError
from factory.models.generators import Made, Request
from factory.simulate.attacks import ATTACKS, Attack

# What `difffas world` calls attacks that are simulated under another name.
ALSO = {"rigid_mask": "mask", "partial": "glasses", "make_up": "makeup"}
SIMULATED: dict[str, Attack] = {**ATTACKS, **{name: ATTACKS[like] for name, like in ALSO.items()}}


class SimulateGenerator:
    """Makes a shard's spoofs; the seed is the attack's, T₀ and w are ignored."""

    device = "cpu"

    def __call__(self, request: Request) -> Made:
        """Return spoofs as in `Generator`; raises KeyError for an attack that nothing simulates."""
        if len(request.routes) != len(request.live):
            raise ValueError(f"{len(request.routes)} routes for {len(request.live)} live faces")
        spoofs = np.empty_like(request.live)
        for row, route in enumerate(request.routes):
            spoofs[row] = SIMULATED[route.attack](request.live[row], int(request.seed[row]), None)
        return Made(spoofs)


def check(attacks: Collection[str], size: tuple[int, int]) -> None:
    """Refuse attacks that nothing simulates, and images that are not square.

    Raises:
        UserError: naming the attacks, or the size.
    """
    if unknown := sorted(set(attacks) - set(SIMULATED)):
        raise UserError(
            f"generator simulate knows no attack {', '.join(unknown)}, only {', '.join(SIMULATED)}: choose guides of "
            f"these attacks, or another generator"
        )
    if size[0] != size[1]:
        raise UserError(f"generator simulate takes square images, not {size[0]}×{size[1]}: prepare the faces anew")
