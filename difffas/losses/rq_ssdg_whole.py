"""RQ with the whole of SSDG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from difffas.losses.domain_discriminator import single_side_adversarial
from difffas.losses.interface import Batch, Loss
from difffas.losses.rq_ssdg import RelativeQualitySSDG


@dataclass(frozen=True)
class RelativeQualitySSDGWhole(Loss):
    """RQ in place of SSDG's cross-entropy, with SSDG's triplets and its adversary (DiffFAS' supplement, Fig. 11).

    `live` says for each of the K styles whether it is live, `domains` to which domain it belongs.
    """

    live: tuple[bool, ...]
    domains: tuple[str, ...]
    needs_features: ClassVar[bool] = True
    adversarial: ClassVar[bool] = True
    live_margin: float = 0.4
    spoof_margin: float = 0.2
    triplet_margin: float = 0.1
    weight: float = 2.0
    adversarial_weight: float = 0.1
    scale: float = 30.0

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1], labels B, quality B, features B,D and domain_logits B,N."""
        margins = (self.live_margin, self.spoof_margin, self.triplet_margin, self.weight, self.scale)
        triplets = RelativeQualitySSDG(self.live, self.domains, *margins)
        value = triplets.value(batch)
        adversary = single_side_adversarial(batch.domain_logits, batch.labels, self.live, self.domains)
        return value + self.adversarial_weight * adversary
