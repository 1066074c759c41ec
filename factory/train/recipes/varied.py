"""Training images that vary: moved and partly covered, as their counters say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from factory.core import draws

if TYPE_CHECKING:
    import torch

FARTHEST, COVERED = 1 / 16, 0.3  # parts of the side: the longest move, and the side of a square that covers
DESCRIPTION = "move each image by up to a sixteenth of its side, and cover a part of half of them"


def varied(images: torch.Tensor, counters: np.ndarray, seed: int) -> torch.Tensor:
    """Images (N, 3, H, W); how a sample varies depends on its counter and the seed alone."""
    import torch

    from difffas.variation import covered, moved

    def drawn(limit: int, name: str) -> torch.Tensor:
        return torch.from_numpy(draws.below(limit, counters, seed, name)).to(images.device)

    height, width = images.shape[2:]
    far, side = (round(part * min(height, width)) for part in (FARTHEST, COVERED))
    images = moved(images, drawn(2 * far + 1, "down") - far, drawn(2 * far + 1, "across") - far)
    place = drawn(height - side + 1, "top"), drawn(width - side + 1, "left")
    return covered(images, *place, side * drawn(2, "covered"))
