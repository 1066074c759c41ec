"""Sample-level Relative Quality, RQ (Eq. 13-18)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from difffas.losses.interface import Batch, Loss
from difffas.losses.margin_softmax import by_kind, margin_softmax
from difffas.losses.whole_batch import standardise


@dataclass(frozen=True)
class RelativeQuality(Loss):
    """Margins that follow a sample's quality q within its batch, by class kind (Eq. 16-18).

    s(cos(θ − m_k·q) − (m_k·q + m_k)) for the true class: poor samples of a batch get a smaller margin. `live` says for
    each of the K styles whether it is live. Eq. 16-18 are read as AdaFace's, with q in place of its feature norm
    [ours].
    """

    live: tuple[bool, ...]
    live_margin: float = 0.4  # m_k of live styles
    spoof_margin: float = 0.2  # m_k of spoof styles
    scale: float = 30.0

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1], labels B and quality B, `relative_quality` of the BRISQUE scores."""
        angle, add = self.margins(batch.cosines, batch.labels, batch.quality)
        return margin_softmax(batch.cosines, batch.labels, self.scale, angle=angle, add=add)

    def margins(self, cosines: Tensor, labels: Tensor, quality: Tensor | None) -> tuple[Tensor, Tensor]:
        """g_angle in radians and g_add of every sample, B each (Eq. 16, 17); arguments as those of a call."""
        margin = by_kind(self.live, self.live_margin, self.spoof_margin, cosines, labels)
        q = required_quality(quality, labels).to(margin)
        return -margin * q, margin * q + margin


@torch.no_grad()
def relative_quality(scores: Tensor) -> Tensor:
    """Relative quality q of each sample in its batch, higher is better (Eq. 14, 15).

    z = (μ − B)/σ, q = clip(z/3, −N_lo/N, N_hi/N), with N_lo and N_hi the numbers of scores below and above μ
    [ours: which count bounds which side]. The scores B are BRISQUE's, a one-dimensional tensor; q is float32, without
    gradient. A score that is not finite (BRISQUE failed) has q = 0 and is excluded from μ, σ, N and the counts [ours].
    All q are 0 if all finite scores are equal or only one is finite.

    The scores must be those of the whole batch. If you hold only part of the batch, call
    `over_workers(relative_quality, scores)`.
    """
    scores = scores.float()
    z = -standardise(scores)  # 0 at the mean and for excluded scores, so the sign gives the side of the mean
    count = torch.isfinite(scores).sum().clamp(min=1)
    below, above = (z > 0).sum() / count, (z < 0).sum() / count  # N_lo/N, N_hi/N
    return torch.maximum(torch.minimum(z / 3.0, above), -below)


def required_quality(quality: Tensor | None, labels: Tensor) -> Tensor:
    """q, B, without gradient; raises ValueError for another shape or for values outside [-1, 1]."""
    if quality is None or quality.shape != labels.shape:
        shape = None if quality is None else tuple(quality.shape)
        raise ValueError(f"quality of shape {shape}: this loss needs one value for each of {len(labels)} samples")
    if not (quality.abs() <= 1.0).all():
        raise ValueError("quality is not within [-1, 1]: give relative_quality(scores), not the scores themselves")
    return quality.detach()
