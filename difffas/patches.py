"""Patches of a face, cut without resizing, as PatchNet looks at it (Wang et al., CVPR 2022)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from difffas.errors import UserError

GRID = 3  # patches across and down at test


class Patches(NamedTuple):
    """Square patches of `side` pixels; a face's score is the mean over `grid` × `grid` of them."""

    side: int
    grid: int = GRID


def grid_of(images: Tensor, patches: Patches) -> Tensor:
    """Images B,C,H,W → their patches B,P,C,side,side, row by row, P = grid².

    The patches lie evenly from one border to the other, overlapping or apart; a grid of 1 lies in the middle.

    Raises:
        UserError: if an image is smaller than a patch.
    """
    height, width = images.shape[2:]
    if min(height, width) < patches.side:
        raise UserError(f"images of {height} × {width}: the classifier looks at patches of {patches.side} pixels")
    return torch.stack(
        [
            images[:, :, top : top + patches.side, left : left + patches.side]
            for top in starts(height, patches)
            for left in starts(width, patches)
        ],
        dim=1,
    )


def starts(length: int, patches: Patches) -> list[int]:
    """Where the patches along an axis of so many pixels begin."""
    room = length - patches.side
    if patches.grid == 1:
        return [room // 2]
    return [(2 * place * room + patches.grid - 1) // (2 * (patches.grid - 1)) for place in range(patches.grid)]


def cut(images: Tensor, top: Tensor, left: Tensor, side: int) -> Tensor:
    """Images B,C,H,W → one patch of each, B,C,side,side, whose corner lies at `top`, `left` (B, long)."""
    number = torch.arange(len(images), device=images.device)[:, None, None]
    within = torch.arange(side, device=images.device)
    rows, columns = top[:, None] + within, left[:, None] + within  # B, side
    found = images.movedim(1, -1)[number, rows[:, :, None], columns[:, None, :]]  # B, side, side, C
    return found.movedim(-1, 1)
