"""RQ with PatchNet's margins."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from difffas.losses.interface import Batch, Loss
from difffas.losses.margin_softmax import by_kind, margin_softmax
from difffas.losses.rq import required_quality


@dataclass(frozen=True)
class RelativeQualityPatchNet(Loss):
    """RQ whose constant part of the margin is PatchNet's: s(cos(θ − m_k·q) − (m_k·q + n_k)) for the true class.

    n_k is PatchNet's margin for live or spoof styles, m_k is RQ's scale of q. If all samples of a batch have the same
    quality, this is PatchNet's loss; if n_k = m_k, this is RQ [ours: the supplement's Fig. 11 says that the two
    combine, not how]. `live` says for each of the K styles whether it is live.
    """

    live: tuple[bool, ...]
    live_margin: float = 0.4  # n_k
    spoof_margin: float = 0.1
    live_quality_margin: float = 0.4  # m_k
    spoof_quality_margin: float = 0.2
    scale: float = 30.0

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1], labels B and quality B, `relative_quality` of the BRISQUE scores."""
        constant = by_kind(self.live, self.live_margin, self.spoof_margin, batch.cosines, batch.labels)
        margin = by_kind(self.live, self.live_quality_margin, self.spoof_quality_margin, batch.cosines, batch.labels)
        q = required_quality(batch.quality, batch.labels).to(margin)
        return margin_softmax(batch.cosines, batch.labels, self.scale, angle=-margin * q, add=margin * q + constant)
