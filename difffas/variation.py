"""Images moved a little and partly covered [ours]: what a network learns of them then holds for other people.

A network that sees few people learns their faces by heart, and the style of each. A style is all over the picture:
it can be told from any part, wherever the face lies.
"""

from __future__ import annotations

import torch
from torch import Tensor


def moved(images: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Images (N, C, H, W), each moved by whole pixels `down` and `across` (N, long); what comes in is mirrored."""
    rows = _mirrored(images.shape[2], down)  # N, H
    columns = _mirrored(images.shape[3], across)  # N, W
    number = torch.arange(len(images), device=images.device)[:, None, None]
    found = images.movedim(1, -1)[number, rows[:, :, None], columns[:, None, :]]  # N, H, W, C
    return found.movedim(-1, 1)


def covered(images: Tensor, top: Tensor, left: Tensor, side: Tensor) -> Tensor:
    """Images (N, C, H, W), each with a square in its mean colour: of `side` pixels at `top`, `left` (N, long)."""
    within = [
        (torch.arange(length, device=images.device) >= start[:, None])
        & (torch.arange(length, device=images.device) < (start + side)[:, None])
        for length, start in ((images.shape[2], top), (images.shape[3], left))
    ]
    mask = (within[0][:, :, None] & within[1][:, None, :])[:, None]  # N, 1, H, W
    return torch.where(mask, images.mean(dim=(2, 3), keepdim=True), images)


def _mirrored(length: int, move: Tensor) -> Tensor:
    """N, length: where each place takes its pixel from; the border pixel is not repeated."""
    place = torch.arange(length, device=move.device) - move[:, None]
    return (length - 1) - ((length - 1) - place.abs()).abs()
