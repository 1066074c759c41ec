"""AdaFace: margins that follow the norm of the feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from difffas.losses.interface import Batch, Loss, check, required_features
from difffas.losses.margin_softmax import margin_softmax
from difffas.losses.whole_batch import over_workers, standardise


@dataclass(frozen=True)
class AdaFace(Loss):
    """s(cos(θ − m·ẑ) − (m·ẑ + m)) for the true class, ẑ = clip(h·(‖z‖ − μ)/σ, −1, 1) (Kim et al., CVPR 2022).

    μ and σ are those of the batch over all workers [ours: the paper smooths them over batches]. No gradient goes
    through ẑ.
    """

    needs_features: ClassVar[bool] = True
    margin: float = 0.4
    concentration: float = 0.333  # h
    scale: float = 30.0

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1], labels B and features B,D."""
        check(batch.cosines, batch.labels)
        norms = required_features(batch.features, batch.labels).norm(dim=1)  # B
        z = (self.concentration * over_workers(standardise, norms)).clamp(-1.0, 1.0).to(batch.cosines.device)
        angle, add = -self.margin * z, self.margin * z + self.margin
        return margin_softmax(batch.cosines, batch.labels, self.scale, angle=angle, add=add)
