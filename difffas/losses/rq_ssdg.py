"""RQ with SSDG's triplets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from difffas.losses.interface import Loss
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

    def __call__(
        self,
        cosines: Tensor,
        labels: Tensor,
        quality: Tensor | None = None,
        features: Tensor | None = None,
        domain_logits: Tensor | None = None,
    ) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1], labels B, quality B (`relative_quality`) and features B,D."""
        relative = RelativeQuality(self.live, self.live_margin, self.spoof_margin, self.scale)
        separated = relative(cosines, labels, quality)
        triplet = single_side_triplet(features, labels, self.live, self.domains, self.triplet_margin)
        return separated + self.weight * triplet
