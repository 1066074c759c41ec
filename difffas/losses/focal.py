"""Focal loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from difffas.losses.interface import Batch, Loss, check, wide


@dataclass(frozen=True)
class Focal(Loss):
    """Cross-entropy weighted by (1 − p)^γ, p the probability of the true class (Lin et al., ICCV 2017)."""

    gamma: float = 2.0
    scale: float = 30.0

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1] and labels B."""
        check(batch.cosines, batch.labels)
        negative_log = F.cross_entropy(self.scale * wide(batch.cosines), batch.labels, reduction="none")
        # expm1 computes 1 − p, because p itself would round to 1 for an almost certain sample. 1 − p stays above 0,
        # where a power below 1 would have an infinite slope.
        uncertainty = (-torch.expm1(-negative_log)).clamp(min=torch.finfo(negative_log.dtype).tiny)
        return (uncertainty**self.gamma * negative_log).mean()
