"""The loss that teaches a student: near the teacher's picture in pixels, in style and in fine texture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

HUBER = 0.05  # beyond this difference (of 2, from black to white) the pixel term grows linearly
LEVELS = 3  # band-pass levels: details of about 2, 4 and 8 pixels
_SMOOTH = (1.0, 4.0, 6.0, 4.0, 1.0)  # binomial, of Burt & Adelson's pyramid


class Weights(NamedTuple):
    """Weights of the three terms."""

    pixels: float = 1.0
    features: float = 0.1
    bands: float = 1.0


class DistillationLoss(NamedTuple):
    """Scalars; total is the weighted sum."""

    total: Tensor
    pixels: Tensor
    features: Tensor
    bands: Tensor


def distillation_loss(
    made: Tensor, wanted: Tensor, style_encoder: Callable[[Tensor], Any], weights: Weights
) -> DistillationLoss:
    """Compare pictures (B, 3, H, W) with the teacher's, in [-1, 1].

    pixels: Huber's loss. features: squared distance of the style encoder's maps at strides 8, 16 and 32, in units of
    the teacher's, image by image. bands: absolute difference of Laplacian levels, so that print dots and pixel grids
    stay sharp. The encoder is frozen, in eval mode. A term with weight 0 is not computed.
    """
    assert not getattr(style_encoder, "training", False), "the style encoder is frozen: call .eval()"
    none = made.new_zeros(())
    pixels = F.huber_loss(made, wanted, delta=HUBER) / HUBER if weights.pixels else none
    features = _feature_distance(made, wanted, style_encoder) if weights.features else none
    bands = band_distance(made, wanted) if weights.bands else none
    total = weights.pixels * pixels + weights.features * features + weights.bands * bands
    return DistillationLoss(total, pixels, features, bands)


def band_distance(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of the Laplacian levels, summed over the levels."""
    return torch.stack([level.abs().mean() for level in laplacian(made - wanted)]).sum()


def laplacian(images: Tensor, levels: int = LEVELS) -> list[Tensor]:
    """Band-pass levels of images (B, C, H, W), finest first; level l has (B, C, H/2^l, W/2^l)."""
    found = []
    for _ in range(levels):
        low = _blurred(images)
        found.append(images - low)
        images = low[:, :, ::2, ::2]
    return found


def _blurred(images: Tensor) -> Tensor:
    channels = images.shape[1]
    kernel = images.new_tensor(_SMOOTH) / sum(_SMOOTH)
    padded = F.pad(images, (2, 2, 2, 2), mode="reflect")
    rows = F.conv2d(padded, kernel.reshape(1, 1, 1, -1).expand(channels, 1, 1, 5), groups=channels)
    return F.conv2d(rows, kernel.reshape(1, 1, -1, 1).expand(channels, 1, 5, 1), groups=channels)


def _feature_distance(made: Tensor, wanted: Tensor, style_encoder: Callable[[Tensor], Any]) -> Tensor:
    mine, _ = style_encoder(made)
    with torch.no_grad():
        theirs, _ = style_encoder(wanted)
    distances = [_relative(one, other) for one, other in zip(mine, theirs, strict=True)]
    return torch.stack(distances).mean()


def _relative(mine: Tensor, theirs: Tensor) -> Tensor:
    """Mean over the images of each one's own ratio, so that dividing a batch among workers changes nothing."""
    return ((mine - theirs).square().mean((1, 2, 3)) / theirs.square().mean((1, 2, 3)).clamp(min=1e-6)).mean()
