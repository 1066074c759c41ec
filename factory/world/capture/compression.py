"""Coding losses: JPEG, and a frame of a video whose coder predicts it from the one before."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]

BLOCK = 8
DEBLOCKING = 6.0  # grey levels: a step across a block's border below this is taken for the coder's


def jpeg(image: Picture, quality: int) -> Picture:
    """H, W, 3 after JPEG with halved colour resolution; above quality 92 whole colour resolution, as cameras do."""
    return _coded(image, quality=quality, subsampling="4:4:4" if quality > 92 else "4:2:0")


def video(image: Picture, step: float, generator: np.random.Generator) -> Picture:
    """H, W, 3 as a frame of a video at a low bit rate.

    A video coder quantises all frequencies of a block alike, smooths the blocks' borders, and predicts a frame from
    the one before, whose blocks the motion has moved off the grid: two rounds on two grids, with the same filter.

    Args:
        image: H, W, 3.
        step: The quantiser's step in grey levels.
        generator: Of the motion.
    """
    down, right = (int(value) for value in generator.integers(1, BLOCK, 2))
    padded = np.pad(image, [(BLOCK, BLOCK), (BLOCK, BLOCK), (0, 0)], mode="edge")
    before = _deblocked(_quantised(padded, 1.25 * step))
    drift = before[down:, right:] / 3 + padded[down:, right:] * (2 / 3)
    frame = _deblocked(_quantised(np.rint(drift).astype(np.uint8), step))
    top, left = BLOCK - down, BLOCK - right
    return np.ascontiguousarray(frame[top : top + image.shape[0], left : left + image.shape[1]])


def _quantised(image: Picture, step: float) -> Picture:
    ramp = np.add.outer(np.arange(8), np.arange(8)) / 14
    light = np.clip(np.rint(step * (0.7 + 0.9 * ramp)), 1, 255).astype(int)  # a dead zone grows with frequency
    colour = np.clip(np.rint(1.5 * step * (0.7 + 1.6 * ramp)), 1, 255).astype(int)
    return _coded(image, qtables=[light.ravel().tolist(), colour.ravel().tolist()], subsampling="4:2:0")


def _coded(image: Picture, **settings: object) -> Picture:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", **settings)
    with Image.open(file) as decoded:
        return np.asarray(decoded.convert("RGB"))


def _deblocked(image: Picture) -> Picture:
    smooth = image.astype(np.float32)
    for axis in (0, 1):
        plane = np.moveaxis(smooth, axis, 0)
        inner, outer = plane[BLOCK - 1 : -1 : BLOCK], plane[BLOCK::BLOCK]
        inner = inner[: len(outer)]
        step = outer - inner
        part = step * (np.abs(step) < 2 * DEBLOCKING) / 4
        inner += part
        outer -= part
    return np.clip(np.rint(smooth), 0, 255).astype(np.uint8)
