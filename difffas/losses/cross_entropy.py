"""Cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from difffas.losses.interface import Batch, Loss
from difffas.losses.margin_softmax import margin_softmax


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """Softmax cross-entropy of s·cos θ."""

    scale: float = 30.0  # s; s = 30 for all losses [ours]

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1] and labels B."""
        return margin_softmax(batch.cosines, batch.labels, self.scale)
