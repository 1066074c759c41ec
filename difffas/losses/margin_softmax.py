"""Softmax cross-entropy of cosines with a margin for the true class: the common part of the margin losses."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from difffas.losses.interface import check, wide

EDGE = 1e-6  # cosines keep this distance from ±1, where the slope of arccos is infinite


def margin_softmax(
    cosines: Tensor, labels: Tensor, scale: float, *, angle: Tensor | float = 0.0, add: Tensor | float = 0.0
) -> Tensor:
    """Mean cross-entropy with s(cos(θ + angle) − add) for the true class and s·cos θ for the others (Eq. 18).

    Cosines B,K in [-1, 1], labels B; `angle` (radians) and `add` are each one number or B. θ + angle is clamped to
    [0, π]; if `angle` is the number 0, the cosine stays as it is.

    Raises:
        ValueError: for other shapes.
    """
    check(cosines, labels)
    cosines = wide(cosines)
    target = cosines.gather(1, labels[:, None]).squeeze(1)  # B
    if isinstance(angle, Tensor) or angle != 0.0:
        theta = torch.acos(target.clamp(-1.0 + EDGE, 1.0 - EDGE))
        target = torch.cos((theta + angle).clamp(0.0, math.pi))
    return F.cross_entropy(scale * cosines.scatter(1, labels[:, None], (target - add)[:, None]), labels)


def by_kind(live: Sequence[bool], of_live: float, of_spoof: float, cosines: Tensor, labels: Tensor) -> Tensor:
    """Return B values: `of_live` for each sample of a live style, `of_spoof` for the others.

    Raises:
        ValueError: if shapes do not fit, or `live` does not have one entry for each of the K styles.
    """
    check(cosines, labels)
    check_styles(live, "live", cosines)
    values = torch.tensor([of_live if is_live else of_spoof for is_live in live], dtype=wide(cosines).dtype)
    return values.to(cosines.device)[labels]


def check_styles(facts: Sequence[object], name: str, cosines: Tensor) -> None:
    """Raise ValueError unless `facts` has one entry for each of the K styles."""
    if len(facts) != cosines.shape[1]:
        raise ValueError(f"{len(facts)} entries in {name} for {cosines.shape[1]} styles: give one for each style")
