"""RQ with SSDG's triplets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from difffas.losses.interface import Batch, Loss
from difffas.losses.rq import RelativeQuality
from difffas.losses.ssdg import single_side_triplet


@dataclass(frozen=True)
class RelativeQualitySSDG(Loss):
    """RQ in place of SSDG's cross-entropy, plus `weight` times the single-side triplet loss of the features.

    `live` says for each of the K styles whether it is live, `domains` to which domain it belongs.
    """

    live: tuple[bool, ...]
    domains: tuple[str, ...]
    needs_features: ClassVar[bool] = True
    live_margin: float = 0.4
    spoof_margin: float = 0.2
    triplet_margin: float = 0.1
    weight: float = 2.0
    scale: float = 30.0

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1], labels B, quality B (`relative_quality`) and features B,D."""
        relative = RelativeQuality(self.live, self.live_margin, self.spoof_margin, self.scale).value(batch)
        triplet = single_side_triplet(batch.features, batch.labels, self.live, self.domains, self.triplet_margin)
        return relative + self.weight * triplet
