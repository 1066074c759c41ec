"""Losses on cosines behind one call: cross-entropy, its focal and margin forms, and Relative Quality (Eq. 13-18).

Each loss is a frozen dataclass, called as `loss(cosines, labels, quality)`: cosines B,K in [-1, 1] between a sample
and each of the K styles, labels int64 B, quality B or None. It returns the mean over the batch, float32.
`RelativeQuality` takes as quality the BRISQUE scores, `AdaFace` the norms of the features; the others ignore it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

EDGE = 1e-6  # cosines keep this distance from ±1, where the slope of arccos is infinite


class Loss(Protocol):
    """What training calls."""

    def __call__(self, cosines: Tensor, labels: Tensor, quality: Tensor | None = None) -> Tensor:
        """Scalar loss of cosines B,K, labels B and, where the loss uses it, quality B."""


@dataclass(frozen=True)
class CrossEntropy:
    """Softmax cross-entropy of s·cos θ."""

    scale: float = 30.0  # s; s = 30 for all of them [ours]

    def __call__(self, cosines: Tensor, labels: Tensor, quality: Tensor | None = None) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1] and labels B; `quality` is not used."""
        _check(cosines, labels)
        return F.cross_entropy(self.scale * cosines.float(), labels)


@dataclass(frozen=True)
class Focal:
    """Cross-entropy weighted by (1 − p)^γ, p the probability of the true class (Lin et al., ICCV 2017)."""

    gamma: float = 2.0
    scale: float = 30.0

    def __call__(self, cosines: Tensor, labels: Tensor, quality: Tensor | None = None) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1] and labels B; `quality` is not used."""
        _check(cosines, labels)
        negative_log = F.cross_entropy(self.scale * cosines.float(), labels, reduction="none")
        # 1 − p through expm1: of a sample that is all but certain, p itself would round to 1
        return ((-torch.expm1(-negative_log)) ** self.gamma * negative_log).mean()


@dataclass(frozen=True)
class CosFace:
    """s(cos θ − m) for the true class (Wang et al., CVPR 2018)."""

    margin: float = 0.35
    scale: float = 30.0

    def __call__(self, cosines: Tensor, labels: Tensor, quality: Tensor | None = None) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1] and labels B; `quality` is not used."""
        _check(cosines, labels)
        add = torch.full_like(labels, self.margin, dtype=torch.float32)
        return _margin_softmax(cosines, labels, None, add, self.scale)


@dataclass(frozen=True)
class ArcFace:
    """s·cos(θ + m) for the true class (Deng et al., CVPR 2019)."""

    margin: float = 0.5
    scale: float = 30.0

    def __call__(self, cosines: Tensor, labels: Tensor, quality: Tensor | None = None) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1] and labels B; `quality` is not used."""
        _check(cosines, labels)
        angle = torch.full_like(labels, self.margin, dtype=torch.float32)
        return _margin_softmax(cosines, labels, angle, torch.zeros_like(angle), self.scale)


@dataclass(frozen=True)
class AdaFace:
    """Margins that follow the norm of the feature (Kim et al., CVPR 2022): ẑ = clip(h·(‖z‖ − μ)/σ, −1, 1).

    μ and σ are those of the batch [ours: the paper smooths them over batches].
    """

    margin: float = 0.4
    concentration: float = 0.333  # h
    scale: float = 30.0

    def __call__(self, cosines: Tensor, labels: Tensor, quality: Tensor | None = None) -> Tensor:
        """`quality` is the norms of the features, B."""
        q = (self.concentration * _standardise(_required(cosines, labels, quality))).clamp(-1.0, 1.0)
        return _margin_softmax(cosines, labels, -self.margin * q, self.margin * q + self.margin, self.scale)


@dataclass(frozen=True)
class RelativeQuality:
    """Margins that follow a sample's quality within its batch, by class kind (Eq. 13-18).

    `live` says of each of the K styles whether it is live. Poor samples of a batch are asked less of. Eq. 16-18 are
    read as AdaFace's, with q in the place of its feature norm [ours].
    """

    live: tuple[bool, ...]
    live_margin: float = 0.4  # m_k of live styles
    spoof_margin: float = 0.2  # m_k of spoof styles
    scale: float = 30.0

    def __call__(self, cosines: Tensor, labels: Tensor, quality: Tensor | None = None) -> Tensor:
        """`quality` is the BRISQUE scores, B; NaN where an image has none."""
        q = relative_quality(_required(cosines, labels, quality))
        if len(self.live) != cosines.shape[1]:
            raise ValueError(
                f"{len(self.live)} entries in live for {cosines.shape[1]} styles: give one for each style"
            )
        margins = torch.tensor([self.live_margin if live else self.spoof_margin for live in self.live])
        margin = margins.to(cosines.device)[labels]
        return _margin_softmax(cosines, labels, -margin * q, margin * q + margin, self.scale)


@torch.no_grad()
def relative_quality(scores: Tensor) -> Tensor:
    """Relative quality q of each sample in its batch, higher is better (Eq. 14, 15).

    z = (μ − B)/σ, q = clip(z/3, −N_lo/N, N_hi/N), with N_lo and N_hi the numbers of scores below and above μ
    [ours: which count bounds which side]. Scores B are BRISQUE's, any shape of one dimension; q is float32, without
    gradient. A score that is not finite (BRISQUE failed) has q = 0 and no part in μ, σ, N and the counts [ours]. All
    q are 0 where the finite scores are one value or one sample.
    """
    scores = scores.float()
    z = -_standardise(scores)  # 0 on the mean and where left out, so its sign is the side of the mean
    count = torch.isfinite(scores).sum().clamp(min=1)
    below, above = (z > 0).sum() / count, (z < 0).sum() / count  # N_lo/N, N_hi/N
    return torch.maximum(torch.minimum(z / 3.0, above), -below)


@torch.no_grad()
def _standardise(values: Tensor) -> Tensor:
    """(x − μ)/σ in float32 over the finite values, σ the population's; 0 for the rest, and for all if σ = 0."""
    values = values.float()
    finite = torch.isfinite(values)
    result = torch.zeros_like(values)
    kept = values[finite]
    if len(kept) and kept.min() < kept.max():  # not σ > 0: the rounded mean of equal values may differ from them
        centred = kept - kept.mean()
        centred /= centred.abs().max()  # or the squares of very small or large values vanish or overflow
        result[finite] = centred / centred.square().mean().sqrt()
    return result


def _margin_softmax(cosines: Tensor, labels: Tensor, angle: Tensor | None, add: Tensor, scale: float) -> Tensor:
    """Cross-entropy with s(cos(θ + angle) − add) for the true class and s·cos θ for the others (Eq. 18).

    θ + angle is kept in [0, π]. `angle` and `add` have shape B.
    """
    cosines = cosines.float()
    target = cosines.gather(1, labels[:, None]).squeeze(1)
    if angle is not None:
        theta = torch.acos(target.clamp(-1.0 + EDGE, 1.0 - EDGE))
        target = torch.cos((theta + angle).clamp(0.0, math.pi))
    logits = cosines.scatter(1, labels[:, None], (target - add)[:, None])
    return F.cross_entropy(scale * logits, labels)


def _required(cosines: Tensor, labels: Tensor, quality: Tensor | None) -> Tensor:
    _check(cosines, labels)
    if quality is None or quality.shape != labels.shape:
        shape = None if quality is None else tuple(quality.shape)
        raise ValueError(f"quality of shape {shape}: this loss needs one value for each of {len(labels)} samples")
    return quality.to(cosines.device)


def _check(cosines: Tensor, labels: Tensor) -> None:
    if cosines.ndim != 2 or labels.shape != cosines.shape[:1]:
        raise ValueError(f"cosines {tuple(cosines.shape)} and labels {tuple(labels.shape)}: give B,K and B")
