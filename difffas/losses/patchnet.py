"""PatchNet's asymmetric margins."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from difffas.losses.interface import Batch, Loss
from difffas.losses.margin_softmax import by_kind, margin_softmax


@dataclass(frozen=True)
class PatchNet(Loss):
    """s(cos θ − m_k) for the true class, m larger for live styles than for spoof ones (Wang et al., CVPR 2022).

    Live faces should lie close together; spoofs need not. `live` says for each of the K styles whether it is live.
    This is the margins alone, on whole faces; `patchnet-whole` has patches and their similarity too.
    """

    live: tuple[bool, ...]
    live_margin: float = 0.4
    spoof_margin: float = 0.1
    scale: float = 30.0

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1] and labels B."""
        margin = by_kind(self.live, self.live_margin, self.spoof_margin, batch.cosines, batch.labels)
        return margin_softmax(batch.cosines, batch.labels, self.scale, add=margin)
