"""Gradient reversal, and the schedule of its strength in SSDG (Jia et al., CVPR 2020)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def reversal_strength(progress: float) -> float:
    """λ = 2/(1 + e^(−10·p)) − 1 for the share p of the training that is done, both in [0, 1]: SSDG's schedule.

    Raises:
        ValueError: if `progress` is outside [0, 1].
    """
    if not 0.0 <= progress <= 1.0:
        raise ValueError(f"progress {progress} must be within [0, 1]")
    return math.tanh(5.0 * progress)  # the same function


def reverse_gradient(values: Tensor, strength: Tensor | float) -> Tensor:
    """The values unchanged; their gradient is multiplied by −`strength`, one number."""
    reversed_values: Tensor = _Reversal.apply(values, strength)  # type: ignore[no-untyped-call]
    return reversed_values


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor, strength: Tensor | float) -> Tensor:
        context.strength = strength
        return values.view_as(values)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -context.strength * gradients[0], None
