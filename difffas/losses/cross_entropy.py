"""Cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from difffas.losses.interface import Loss
from difffas.losses.margin_softmax import margin_softmax


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """Softmax cross-entropy of s·cos θ."""

    scale: float = 30.0  # s; s = 30 for all losses [ours]

    def __call__(
        self,
        cosines: Tensor,
        labels: Tensor,
        quality: Tensor | None = None,
        features: Tensor | None = None,
        domain_logits: Tensor | None = None,
    ) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1] and labels B."""
        return margin_softmax(cosines, labels, self.scale)
