"""Two views of every face of a batch: patches at places that follow from the samples' counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from factory.core import draws

if TYPE_CHECKING:
    import torch

VIEWS = 2


def patch_side(share: float, size: int) -> int:
    """Pixels of a patch's side in faces of `size` pixels."""
    return max(1, min(size, round(share * size)))


def two_views(images: torch.Tensor, counters: np.ndarray, seed: int, side: int) -> torch.Tensor:
    """Faces B,3,H,W → patches 2·B,3,side,side: first one of every face, then the other of every face.

    Each view has a place of its own, and half of them are mirrored. Both depend on the counter and the seed alone.
    """
    import torch

    from difffas.patches import cut

    height, width = images.shape[2:]
    found = []
    for view in range(VIEWS):

        def drawn(limit: int, name: str, view: int = view) -> torch.Tensor:
            return torch.from_numpy(draws.below(limit, counters, seed, f"{name}-{view}")).to(images.device)

        patches = cut(images, drawn(height - side + 1, "top"), drawn(width - side + 1, "left"), side)
        mirrored = drawn(2, "mirror").bool()[:, None, None, None]
        found.append(torch.where(mirrored, patches.flip(3), patches))
    return torch.cat(found)
