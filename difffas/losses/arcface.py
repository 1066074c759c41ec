"""ArcFace: a margin on the angle."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from difffas.losses.interface import Batch, Loss
from difffas.losses.margin_softmax import margin_softmax


@dataclass(frozen=True)
class ArcFace(Loss):
    """s·cos(θ + m) for the true class (Deng et al., CVPR 2019)."""

    margin: float = 0.5  # radians
    scale: float = 30.0

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1] and labels B."""
        return margin_softmax(batch.cosines, batch.labels, self.scale, angle=self.margin)
