"""RQ with the whole of PatchNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from difffas.losses.interface import Batch, Loss
from difffas.losses.patchnet_whole import similarity
from difffas.losses.rq_patchnet import RelativeQualityPatchNet


@dataclass(frozen=True)
class RelativeQualityPatchNetWhole(Loss):
    """`rq+patchnet` on two patches of each face, plus `similarity_weight` times the distance of the two.

    Both patches have the quality of their face [ours]. `live` says for each of the K styles whether it is live.
    """

    live: tuple[bool, ...]
    views: ClassVar[int] = 2
    live_margin: float = 0.4  # n_k
    spoof_margin: float = 0.1
    live_quality_margin: float = 0.4  # m_k
    spoof_quality_margin: float = 0.2
    similarity_weight: float = 1.0
    patch_share: float = 0.625  # of the side of a face: 160 of 256 pixels
    scale: float = 30.0

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1], labels B, quality B and features B,D of two views."""
        constant = (self.live_margin, self.spoof_margin)
        of_quality = (self.live_quality_margin, self.spoof_quality_margin)
        margins = RelativeQualityPatchNet(self.live, *constant, *of_quality, self.scale)
        return margins.value(batch) + self.similarity_weight * similarity(batch.features, batch.labels)
