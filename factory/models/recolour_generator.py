"""Spoofs without a network: a live face with the guide's colours and the sharpness of the guide's style.

A generator must beat it to be worth its price (docs/styles.md compares them).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from difffas.matching import Statistics, recolour, sharpness
from factory.models.generators import Made, Request
from factory.models.tensors import to_pixels, to_tensor


class RecolourGenerator:
    """Makes a shard's spoofs; T₀, w and seed are ignored.

    Args:
        statistics: of the styles on the requests' routes.
        threads: PyTorch's threads; equal bytes need an equal number.
    """

    device = "cpu"

    def __init__(self, statistics: Mapping[str, Statistics], threads: int) -> None:
        torch.set_num_threads(threads)
        self._statistics = statistics

    def __call__(self, request: Request) -> Made:
        """Return spoofs as in `Generator`."""
        if len(request.routes) != len(request.live):
            raise ValueError(f"{len(request.routes)} routes for {len(request.live)} live faces")
        spoofs = np.empty_like(request.live)
        for row, route in enumerate(request.routes):
            carry = sharpness(self._statistics[route.live], self._statistics[route.spoof])
            face = carry(to_tensor(request.live[row][None]))
            guide = to_tensor(request.guides[request.guide_of[row]][None])
            spoofs[row] = to_pixels(recolour(face, guide))[0]
        return Made(spoofs)
