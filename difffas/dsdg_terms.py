"""The terms of DSDG's loss (Wu et al., TCSVT 2021), each a plain function, and their weighted sum.

The paper names the terms; where the text at hand leaves a term open, the docstring says what is ours. Its weights are
not legible there, so all weights are ours.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from difffas.dsdg import EncodedPair, Latent
from difffas.losses.whole_batch import gather_for_one_loss

BANDWIDTHS = (0.5, 1.0, 2.0)  # of the discrepancy's kernels, squared, in units of the number of dimensions
STRUCTURE = 16  # side of the compared structure, as in the audit's embedder of that name
_LUMINANCE = (0.299, 0.587, 0.114)  # BT.601


class Weights(NamedTuple):
    """Weights of the terms beside reconstruction, whose weight is 1 [ours]."""

    kl: float = 1e-3
    mmd: float = 0.1
    orthogonality: float = 0.01
    classes: float = 0.02
    pair: float = 0.01
    identity: float = 0.05


class DsdgLoss(NamedTuple):
    """Scalars; total is the weighted sum."""

    total: Tensor
    reconstruction: Tensor
    kl: Tensor
    mmd: Tensor
    orthogonality: Tensor
    classes: Tensor
    pair: Tensor
    identity: Tensor


def dsdg_loss(made: EncodedPair, live: Tensor, spoof: Tensor, labels: Tensor, weights: Weights) -> DsdgLoss:
    """The loss of pairs (B, 3, H, W) in [-1, 1] with style numbers (B,)."""
    latents = (made.live_identity, made.spoof_identity, made.pattern)
    ours, theirs = structure(made.live), structure(made.spoof)
    terms = {
        "reconstruction": 0.5 * (reconstruction(made.live, live) + reconstruction(made.spoof, spoof)),
        "kl": torch.stack([divergence(latent) for latent in latents]).sum(),
        "mmd": discrepancy(*(gather_for_one_loss(latent.value) for latent in latents[:2])),
        "orthogonality": orthogonality(made.spoof_identity.value, made.pattern.value),
        "classes": F.cross_entropy(made.logits.float(), labels),
        "pair": embedding_distance(ours, theirs),
        "identity": embedding_distance(ours, structure(live)) + embedding_distance(theirs, structure(spoof)),
    }
    total = terms["reconstruction"] + sum(
        (weight * terms[name] for name, weight in weights._asdict().items()), torch.zeros((), device=live.device)
    )
    return DsdgLoss(total=total, **terms)


def reconstruction(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of images: a Laplace likelihood, up to scale and constant [ours]."""
    return (made.float() - wanted.float()).abs().mean()


def divergence(latent: Latent) -> Tensor:
    """KL divergence from N(0, I), in nats, summed over the dimensions and averaged over the batch."""
    mean, log_variance = latent.mean.float(), latent.log_variance.float()
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1).mean()


def discrepancy(first: Tensor, second: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of two samples (N, D) and (M, D), at least 0, and 0 for equal samples.

    The biased estimate, with the mean of Gaussian kernels exp(−‖x − y‖² / (2·b·D)) for b in `BANDWIDTHS`: two draws
    from N(0, I) are √(2D) apart, so the widths suit any D [ours].
    """
    first, second = first.float(), second.float()
    within = _similarity(first, first).mean() + _similarity(second, second).mean()
    return within - 2.0 * _similarity(first, second).mean()


def orthogonality(identity: Tensor, pattern: Tensor) -> Tensor:
    """Mean |cosine| of the angle between two latents (B, D): 0 if they are orthogonal, 1 if they are parallel."""
    return F.cosine_similarity(identity.float(), pattern.float(), dim=1).abs().mean()


def structure(images: Tensor) -> Tensor:
    """Embed faces (B, 3, H, W): luminance at 16 × 16, minus its mean, at unit length; (B, 256).

    It stands for the paper's face recognition network [ours], because a gradient must flow through: dlib's network,
    the other embedder of the audit, computes none. The term then holds head, light and pose in place.
    """
    luminance = (images.float() * images.new_tensor(_LUMINANCE).reshape(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    values = F.adaptive_avg_pool2d(luminance, STRUCTURE).flatten(1)
    return F.normalize(values - values.mean(dim=1, keepdim=True), dim=1)


def embedding_distance(first: Tensor, second: Tensor) -> Tensor:
    """Mean squared Euclidean distance of embeddings (B, D)."""
    return (first - second).square().sum(dim=1).mean()


def _similarity(first: Tensor, second: Tensor) -> Tensor:
    """Mean of the kernels for every pair of rows; (N, M)."""
    with torch.autocast(first.device.type, enabled=False):
        squared = (first[:, None] - second[None]).square().sum(dim=2)  # N, M
    kernels = [(-squared / (2.0 * width * first.shape[1])).exp() for width in BANDWIDTHS]
    return torch.stack(kernels).mean(dim=0)
