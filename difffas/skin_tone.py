"""Skin tone as the individual typology angle (Chardon et al. 1991) of the cheeks in CIELAB.

    ITA = arctan((L* − 50) / b*), in degrees: above 55 very light, 28 to 41 intermediate, below −30 dark.

It is a colour of pixels, so that light, white balance and an attack's cast move it as well as the skin does.
"""

from __future__ import annotations

import torch
from torch import Tensor

# The cheeks of a crop that `difffas prepare` cuts, as shares of its sides: below the eyes, beside the nose [ours].
CHEEK_ROWS = (0.50, 0.66)
CHEEK_COLUMNS = ((0.27, 0.42), (0.58, 0.73))

_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_WHITE = (0.95047, 1.0, 1.08883)  # D65, 2 degrees
_KNEE = 6 / 29  # below its cube, the cube root becomes a line


def lab(images: Tensor) -> Tensor:
    """sRGB images (B, 3, H, W) in [-1, 1] as L*, a* and b* under D65, float64 of the same shape."""
    coded = (images.double() + 1.0) / 2.0
    linear = torch.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055).clamp_min(0.0) ** 2.4)
    matrix = torch.tensor(_XYZ, dtype=torch.float64) / torch.tensor(_WHITE, dtype=torch.float64)[:, None]
    relative = torch.einsum("ij,bjhw->bihw", matrix.to(images.device), linear)
    x, y, z = torch.where(
        relative > _KNEE**3, relative.clamp_min(_KNEE**3) ** (1 / 3), relative / (3 * _KNEE**2) + 4 / 29
    ).unbind(1)
    return torch.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], dim=1)


def typology_angle(images: Tensor) -> Tensor:
    """The typology angle of each face in degrees, float64 (B,), from the median L* and b* of both cheeks.

    A bluish cast makes b* negative; the angle then goes on beyond ±90 degrees instead of jumping, up to ±180.

    Args:
        images: face crops (B, 3, H, W) in [-1, 1], of 16 pixels or more a side.
    """
    height, width = images.shape[2:]
    top, bottom = (round(share * height) for share in CHEEK_ROWS)
    sides = [[round(share * width) for share in pair] for pair in CHEEK_COLUMNS]
    cheeks = torch.cat([images[:, :, top:bottom, left:right].flatten(2) for left, right in sides], dim=2)
    medians = lab(cheeks[:, :, None])[:, :, 0].quantile(0.5, dim=2)  # B, 3
    return torch.rad2deg(torch.atan2(medians[:, 0] - 50.0, medians[:, 2]))


def typology_drift(before: Tensor, after: Tensor) -> Tensor:
    """How far the angle moves from `before` to `after`, in degrees of [-180, 180); negative towards darker skin."""
    return torch.remainder(after - before + 180.0, 360.0) - 180.0
