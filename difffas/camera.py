"""An image as another camera, crop or encoder may have shown it [ours]: for judges of style, and for conditions.

A style is the trace that a presentation attack leaves in the picture. Small changes of crop, compression and light, or
a mirrored picture, are not part of it, and a judge that was trained on such changes does not rely on them.
"""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor
from torch.nn import functional

COARSEST = (0.35, 1.0)  # part of the side that a `filmed` image resolves


def photographed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One image, uint8 (H, W, 3), at random mirrored, moved, blurred, compressed, made noisy and lit; uint8 (H, W, 3).

    Moves are up to a twentieth of the side, blur up to 0.7 pixels, JPEG from quality 60, noise up to 6 grey levels,
    light ± 5 %.
    """
    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    across, down = rng.uniform(-0.05, 0.05, 2) * (width, height)
    moved = (1, 0, round(across), 0, 1, round(down))
    picture = picture.transform((width, height), Image.Transform.AFFINE, moved)
    if rng.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.7)))
    if rng.random() < 0.4:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=int(rng.integers(60, 96)))
        picture = Image.open(buffer)
    pixels = np.asarray(picture).astype(np.float64)
    if rng.random() < 0.4:
        pixels = pixels + rng.normal(0.0, rng.uniform(1.0, 6.0), pixels.shape)
    lit = pixels * rng.uniform(0.95, 1.05) + rng.uniform(-6.0, 6.0)
    found: np.ndarray = lit.round().clip(0, 255).astype(np.uint8)
    return found


def filmed(image: Tensor, generator: torch.Generator) -> Tensor:
    """One image (3, H, W) in [-1, 1] as a coarser camera under another light may have shown it; every pixel stays put.

    Resolved to 0.35 … 1 of its side, contrast and light changed by up to a fifth and a tenth of the range, the colour
    of the light by up to 8 %, noise up to 6 grey levels. All draws come from the CPU generator.
    """
    height, width = image.shape[1:]
    part = float(_uniform(COARSEST, generator))
    small = (max(8, round(height * part)), max(8, round(width * part)))
    coarse = _resized(_resized(image[None], small), (height, width))[0]
    contrast = _uniform((0.8, 1.2), generator) * _uniform((0.92, 1.08), generator, 3)[:, None, None]
    lit = coarse * contrast.to(image) + _uniform((-0.2, 0.2), generator).to(image)
    grain = torch.randn(image.shape, generator=generator) * _uniform((0.0, 6.0 / 127.5), generator)
    return (lit + grain.to(image)).clamp(-1.0, 1.0)


def _uniform(bounds: tuple[float, float], generator: torch.Generator, count: int = 1) -> Tensor:
    return bounds[0] + (bounds[1] - bounds[0]) * torch.rand(count, generator=generator)


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    found: Tensor = functional.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)
    return found
