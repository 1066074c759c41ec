"""Filters of pictures (H, W or H, W, C) in float32 that the parts of a camera share."""

from __future__ import annotations

import numpy as np
from PIL import Image

from factory.world.scene import Floats

CUBIC = Image.Resampling.BICUBIC


def blurred(image: Floats, sigma: float) -> Floats:
    """A Gaussian filter of `sigma` pixels; the border is mirrored. None below a tenth of a pixel."""
    reach = int(np.ceil(2.5 * sigma))
    if sigma < 0.1:
        return image
    places = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (places / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in (0, 1):
        image = _along(image, weights, axis)
    return image


def _along(image: Floats, weights: Floats, axis: int) -> Floats:
    reach, length = len(weights) // 2, image.shape[axis]
    padded = np.pad(
        image, [(reach, reach) if each == axis else (0, 0) for each in range(image.ndim)], mode="symmetric"
    )
    total = np.zeros_like(image)
    for place, weight in enumerate(weights):
        total += weight * (padded[place : place + length] if axis == 0 else padded[:, place : place + length])
    return total


def resized(image: Floats, height: int, width: int, kind: Image.Resampling = CUBIC) -> Floats:
    """H, W, C to height, width, C, antialiased; values stay within the picture's own range."""
    if image.shape[:2] == (height, width):
        return image
    planes = [Image.fromarray(plane).resize((width, height), kind) for plane in np.moveaxis(image, 2, 0)]
    stacked = np.stack([np.asarray(plane) for plane in planes], axis=2)
    return np.asarray(np.clip(stacked, image.min(), image.max()), np.float32)


def luminance(image: Floats) -> Floats:
    """H, W: linear sRGB (H, W, 3) as the eye's Y."""
    return np.asarray(image @ np.array([0.2126, 0.7152, 0.0722]), np.float32)
