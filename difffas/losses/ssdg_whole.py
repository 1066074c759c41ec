"""SSDG: triplets and an adversary of the domains of live faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from difffas.losses.domain_discriminator import single_side_adversarial
from difffas.losses.interface import Batch, Loss
from difffas.losses.ssdg import SSDG


@dataclass(frozen=True)
class SSDGWhole(Loss):
    """Cross-entropy, plus `weight` times the triplets, plus `adversarial_weight` times the single-side adversary.

    The whole of SSDG (Jia et al., CVPR 2020): `ssdg` and a discriminator of the domains of live faces, whose gradient
    reaches the features reversed. `live` says for each of the K styles whether it is live, `domains` to which domain
    it belongs.
    """

    live: tuple[bool, ...]
    domains: tuple[str, ...]
    needs_features: ClassVar[bool] = True
    adversarial: ClassVar[bool] = True
    triplet_margin: float = 0.1
    weight: float = 2.0
    adversarial_weight: float = 0.1
    scale: float = 30.0

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1], labels B, features B,D and domain_logits B,N."""
        triplets = SSDG(self.live, self.domains, self.triplet_margin, self.weight, self.scale)
        value = triplets.value(batch)
        adversary = single_side_adversarial(batch.domain_logits, batch.labels, self.live, self.domains)
        return value + self.adversarial_weight * adversary
