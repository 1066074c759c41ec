"""Fields over the picture (H,W float32) that portraits and attacks are drawn with: steps, hills, noise and samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[np.float32]
Field = npt.NDArray[np.floating[Any]]  # the functions here accept any floats and return float32


def linear(rgb: npt.ArrayLike) -> Array:
    """Convert sRGB 0..255 to linear light 0..1, by a plain power of 2.2."""
    return np.asarray((np.asarray(rgb, np.float32) / 255) ** 2.2, np.float32)


def soft(start: float | Field, end: float | Field, x: Field) -> Array:
    """Smooth step of x: 0 at `start`, 1 at `end`, whichever is the larger."""
    t = np.clip((x - start) / (end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def bump(u: Field, v: Field, at: tuple[float, float], spread: tuple[float, float]) -> Array:
    """Gaussian hill of height 1 at `at`, e^-1 at one `spread`."""
    du, dv = (u - at[0]) * (1 / spread[0]), (v - at[1]) * (1 / spread[1])
    return np.asarray(np.exp(-(du * du + dv * dv)), np.float32)


def ridge(x: Field, width: float) -> Array:
    """Gaussian crest of height 1 along x = 0."""
    x = x * (1 / width)
    return np.asarray(np.exp(-x * x), np.float32)


def mix(base: Field, colour: Field, alpha: Field) -> Array:
    """`colour` (..., 3 or 3) over `base` (..., 3) with opacity `alpha` (...)."""
    return np.asarray(base + (colour - base) * alpha[..., None], np.float32)


def resized(field: Field, height: int, width: int) -> Array:
    """Bicubic resize of H,W."""
    return np.asarray(Image.fromarray(np.asarray(field, np.float32)).resize((width, height), Image.Resampling.BICUBIC))


def reduced(field: Field, factor: int) -> Array:
    """Mean of each factor x factor block."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(field, np.float32)).reduce(factor))


def blurred(field: Field, reach: float) -> Array:
    """Low pass of H,W: means over about `reach` pixels, bicubic in between."""
    height, width = field.shape
    small = max(round(width / reach), 1), max(round(height / reach), 1)
    means = Image.fromarray(np.ascontiguousarray(field, np.float32)).resize(small, Image.Resampling.BILINEAR)
    return np.asarray(means.resize((width, height), Image.Resampling.BICUBIC))


def noise(rng: np.random.Generator, size: int, cells: int, octaves: int = 1) -> Array:
    """Smooth noise, size,size, with `cells` cells per side; each further octave halves cell size and height."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        cell = rng.standard_normal((cells << octave, cells << octave), np.float32)
        total += resized(cell, size, size) / (1 << octave)
    return total


def sample(texture: Array, s: Field, t: Field) -> Array:
    """Bilinear samples at column s and row t, in pixels, of a texture that repeats; its sides are powers of two."""
    rows, columns = texture.shape[0] - 1, texture.shape[1] - 1
    row, column = np.floor(t), np.floor(s)
    ft, fs = t - row, s - column
    i, j = row.astype(np.int32) & rows, column.astype(np.int32) & columns
    below, right = (i + 1) & rows, (j + 1) & columns
    top = texture[i, j] * (1 - fs) + texture[i, right] * fs
    low = texture[below, j] * (1 - fs) + texture[below, right] * fs
    return np.asarray(top + (low - top) * ft, np.float32)
