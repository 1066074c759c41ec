"""BRISQUE, the no-reference image quality score that orders samples by quality (lower is better), scored offline.

Mittal, Moorthy and Bovik, "No-Reference Image Quality Assessment in the Spatial Domain", IEEE TIP 21(12), 2012.
The support vectors lie beside this module in brisque_live.txt, with their source, notice and citation. The numbers
are those of piq 0.8.0 given float64 RGB images; what that takes is said where it is done. Images are scored one by
one, so that neither a bad image nor the batch size can touch the score of another.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view

Floats: TypeAlias = npt.NDArray[np.float64]

IMPLEMENTATION = "difffas-live-float64-1"  # the column `brisque_impl`; a new number whenever a score could change
MINIMUM_SIDE = 14  # [ours] the half-size image must not be smaller than the window

WINDOW, SIGMA = 7, 7 / 6  # Gaussian window of the local mean and deviation
REACH = WINDOW // 2
SHIFTS = ((0, 1), (1, 0), (1, 1), (-1, 1))  # the four neighbours that a coefficient is multiplied with
NOISE = 1e-9  # a smaller contrast (grey levels 0..255) is the rounding error of a window whose contrast is zero


class _SupportVectors(NamedTuple):
    low: Floats  # 36, the feature value that is scaled to -1
    high: Floats  # 36, ... to 1
    coefficients: Floats  # 774
    vectors: Floats  # 774, 36
    gamma: float
    rho: float


def brisque(images: npt.NDArray[np.generic] | torch.Tensor) -> tuple[Floats, list[str | None]]:
    """Score RGB images; lower is better, and neither 0 nor 100 is a bound.

    Args:
        images: uint8 B,H,W,3, or floating point B,3,H,W in [0, 1]; array or tensor, on any device.

    Returns:
        The scores, float64 B, and for each image None or the reason why its score is NaN: "non-finite pixels",
        "pixels outside [0, 1]", "side below 14", "flat image" (one grey level), "no contrast" (the statistics of its
        coefficients do not exist).

    Raises:
        ValueError: `images` is neither of the two kinds. What is wrong with one image never raises.
    """
    batch = (
        images.detach().cpu() if isinstance(images, torch.Tensor) else torch.from_numpy(np.array(images, order="C"))
    )
    if batch.dtype == torch.uint8 and batch.ndim == 4 and batch.shape[3] == 3:
        results = [_score_image(image.double().numpy(), 255.0) for image in batch]
    elif batch.is_floating_point() and batch.ndim == 4 and batch.shape[1] == 3:
        results = [_score_image(image.double().permute(1, 2, 0).numpy(), 1.0) for image in batch]
    else:
        raise ValueError(
            f"images are {batch.dtype} of shape {tuple(batch.shape)}: give uint8 B,H,W,3 or float B,3,H,W in [0, 1]"
        )
    return np.array([score for score, _ in results], dtype=np.float64), [reason for _, reason in results]


def _score_image(rgb: Floats, white: float) -> tuple[float, str | None]:
    """Score one image H,W,3 whose brightest value is `white`."""
    if min(rgb.shape[:2]) < MINIMUM_SIDE:
        return math.nan, f"side below {MINIMUM_SIDE}"
    if not np.isfinite(rgb).all():
        return math.nan, "non-finite pixels"
    if rgb.min() < 0 or rgb.max() > white:
        return math.nan, "pixels outside [0, 1]"
    luma = _luma(rgb if white == 255.0 else rgb * 255.0)
    if luma.min() == luma.max():
        return math.nan, "flat image"
    features = _scene_statistics(luma, channels_last=True) + _scene_statistics(_halve(luma), channels_last=False)
    score = _regress(np.array(features))
    return (score, None) if math.isfinite(score) else (math.nan, "no contrast")


def _luma(rgb: Floats) -> Floats:
    """Y of YIQ, rounded to whole grey levels as an 8-bit image would hold it; rgb H,W,3 in 0..255."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    luma: Floats = red * 0.299 + green * 0.587 + blue * 0.114
    # One 8-bit colour in a thousand lies half way between two levels. piq's matrix product decides by its fused
    # multiply-adds; a pixel that is rounded the other way moves the score by about 0.001.
    tie = np.abs(luma - np.floor(luma) - 0.5) < NOISE
    if tie.any():
        luma[tie] = _fused(blue[tie], 0.114, _fused(green[tie], 0.587, red[tie] * 0.299))
    return np.rint(luma, out=luma)


def _fused(a: Floats, b: float, c: Floats) -> Floats:
    """a·b + c with a single rounding (Dekker's product and Knuth's sum carry the errors)."""
    split_a, split_b = a * 134217729.0, b * 134217729.0  # 2²⁷ + 1 cuts the 53 bits of a float64 in two halves
    high_a, high_b = split_a - (split_a - a), split_b - (split_b - b)
    low_a, low_b = a - high_a, b - high_b
    product = a * b
    product_error = ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b
    total = product + c
    back = total - product
    return total + (((product - (total - back)) + (c - back)) + product_error)


def _scene_statistics(luma: Floats, channels_last: bool) -> list[float]:
    """The 18 features of one scale; luma H,W in 0..255. NaN or infinite where an estimate does not exist."""
    height, width = luma.shape
    coefficients = _normalised_contrast(luma, channels_last)
    with np.errstate(all="ignore"):
        variance = _sum_of_squares(coefficients) / luma.size
        ratio = variance / np.square(np.abs(coefficients).mean())
        shapes, ratios = _shape_table()
        features = [shapes[np.abs(1.0 / ratios - ratio).argmin()], variance]
        wrapped = np.pad(coefficients, ((1, 1), (1, 0)), mode="wrap")  # neighbours wrap around the border
        for down, right in SHIFTS:
            neighbours = wrapped[1 - down : 1 - down + height, 1 - right : 1 - right + width]
            features += _asymmetric_gaussian(coefficients * neighbours)
    return [float(feature) for feature in features]


def _normalised_contrast(luma: Floats, channels_last: bool) -> Floats:
    """Mean-subtracted, contrast-normalised coefficients: (I − μ) / (σ + 1); zero padding."""
    mean, mean_square = _blur(np.stack((luma, luma * luma)))
    deviation = np.sqrt(np.abs(mean_square - mean * mean))
    contrast: Floats = luma - mean
    noise = (np.abs(contrast) < NOISE) & (mean != 0)
    if noise.any():
        contrast[noise] = _contrast_noise(luma, noise, channels_last)
    contrast /= deviation + 1.0
    return contrast


def _gaussian() -> Floats:
    """One-dimensional window; the two-dimensional one is its outer product with itself."""
    window = np.exp(-np.square(np.arange(WINDOW) - REACH) / (2 * SIGMA**2))
    normalised: Floats = window / window.sum()
    return normalised


def _blur(planes: Floats) -> Floats:
    """Filter planes P,H,W with the window, first down the columns, then along the rows."""
    weights = _gaussian()
    for axis in (1, 2):
        length = planes.shape[axis]
        padded = np.pad(planes, [(REACH, REACH) if dim == axis else (0, 0) for dim in range(3)])
        taps = [padded[:, i : i + length] if axis == 1 else padded[:, :, i : i + length] for i in range(WINDOW)]
        planes = taps[REACH] * weights[REACH]
        pair = np.empty_like(planes)
        for i in range(REACH):
            np.add(taps[i], taps[WINDOW - 1 - i], out=pair)
            planes += np.multiply(pair, weights[i], out=pair)
    return planes


def _contrast_noise(luma: Floats, where: npt.NDArray[np.bool_], channels_last: bool) -> Floats:
    """I − μ as piq rounds it where the true difference is zero, such as in a clipped highlight.

    Only the sign of that rounding error matters: it decides whether a flat region counts as positive, negative or
    neither, and so moves the score by up to about 1. piq filters with torch's convolution, so those windows, and no
    others, go through the same call in the same memory layout: which piq's colour conversion leaves channels last.
    """
    windows = sliding_window_view(np.pad(luma, REACH), (WINDOW, WINDOW))[where]  # N, 7, 7
    windows = np.concatenate(
        (windows, np.zeros((2 * WINDOW, WINDOW, WINDOW)))
    )  # one window alone sums in another order
    strip = torch.from_numpy(windows.transpose(1, 0, 2).reshape(WINDOW, -1))  # 7, 7N
    strip = strip[None, :, :, None].permute(0, 3, 1, 2) if channels_last else strip[None, None]  # 1, 1, 7, 7N
    square = (torch.arange(WINDOW, dtype=torch.float64) - REACH).square()
    kernel = torch.exp(-(square[None, :] + square[:, None]) / (2 * SIGMA**2))
    mean = F.conv2d(strip, (kernel / kernel.sum())[None, None], stride=WINDOW)
    difference: Floats = luma[where] - mean.flatten().numpy()[: -2 * WINDOW]
    return difference


def _asymmetric_gaussian(products: Floats) -> tuple[float, float, float, float]:
    """Shape, mean, left and right variance of an asymmetric generalised Gaussian, by moment matching."""
    left_variance = _sum_of_squares(np.minimum(products, 0.0)) / np.count_nonzero(products < 0)
    right_variance = _sum_of_squares(np.maximum(products, 0.0)) / np.count_nonzero(products > 0)
    if not (left_variance > 0 and right_variance > 0):
        return math.nan, math.nan, math.nan, math.nan
    left, right = np.sqrt(left_variance), np.sqrt(right_variance)
    balance = left / right
    ratio = np.square(np.abs(products).mean()) * products.size / _sum_of_squares(products)
    ratio *= (balance**3 + 1) * (balance + 1) / np.square(balance**2 + 1)
    shapes, ratios = _shape_table()
    nearest = np.abs(ratios - ratio).argmin()
    return shapes[nearest], (right - left) * math.sqrt(ratios[nearest]), left_variance, right_variance


def _sum_of_squares(values: Floats) -> np.float64:
    flat = values.ravel()
    return np.float64(np.einsum("i,i->", flat, flat))  # not np.dot: its sum depends on the number of BLAS threads


@lru_cache(maxsize=1)
def _shape_table() -> tuple[Floats, Floats]:
    """Shapes γ = 0.2, 0.201 … 10 and Γ(2/γ)² / (Γ(1/γ)·Γ(3/γ)), the ratio of squared mean to variance of each."""
    shapes = np.arange(0.2, 10.001, 0.001)
    log_gamma = [[math.lgamma(k / shape) for shape in shapes] for k in (1, 2, 3)]
    return shapes, np.exp(2 * np.array(log_gamma[1]) - log_gamma[0] - log_gamma[2])


def _halve(luma: Floats) -> Floats:
    """Shrink H,W to H//2,W//2 with an antialiased cubic, as MATLAB's imresize.

    In float32, because piq's resize computes in nothing else; for even sides nearly every step is exact anyway.
    """
    image = torch.from_numpy(luma).float()
    rows, weights = _halving_taps(image.shape[0])
    image = (image[rows] * weights[:, :, None]).sum(dim=0)  # taps, H//2, W
    columns, weights = _halving_taps(image.shape[1])
    image = (image[:, columns].movedim(1, 0).contiguous() * weights[:, None, :]).sum(dim=0)  # taps, H//2, W//2
    halved: Floats = image.double().numpy()
    return halved


@lru_cache(maxsize=16)
def _halving_taps(length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Source positions and float32 weights, each taps,length//2; beyond the border the image is mirrored."""
    scale = (length // 2) / length
    taps = math.ceil(4 / scale) + 2
    centre = (torch.arange(length // 2, dtype=torch.float32) + 0.5) / scale - 0.5
    first = centre.floor() - taps // 2 + 1
    distance = (torch.stack([centre - first - tap for tap in range(taps)]) * scale).abs()
    square, cube = distance**2, distance**2 * distance
    weights = (1.5 * cube - 2.5 * square + 1) * (distance <= 1)
    weights += (-0.5 * cube + 2.5 * square - 4 * distance + 2) * ((distance > 1) & (distance <= 2))
    source = first.long() + torch.arange(taps)[:, None]
    source = torch.where(source < 0, -1 - source, source)
    source = torch.where(source >= length, 2 * length - 1 - source, source)
    return source, weights / weights.sum(dim=0)


def _regress(features: Floats) -> float:
    """Score of 36 features by the epsilon-SVR with a radial basis kernel."""
    svm = _support_vectors()
    scaled = 2.0 * (features - svm.low) / (svm.high - svm.low) - 1.0
    kernel = np.exp(-svm.gamma * np.square(svm.vectors - scaled).sum(axis=1))
    return float((svm.coefficients * kernel).sum() - svm.rho)


@lru_cache(maxsize=1)
def _support_vectors() -> _SupportVectors:
    """Read brisque_live.txt: 36 feature ranges, then the model in libsvm's text (a missing feature is 0)."""
    text = Path(__file__).with_name("brisque_live.txt").read_text(encoding="ascii")
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    start = lines.index(["SV"])
    ranges = np.array([line[1:] for line in lines[2:38]], dtype=np.float64)  # after "x" and "-1 1"
    header = {line[0]: line[1] for line in lines[38:start]}
    vectors = np.zeros((int(header["total_sv"]), 36))
    for row, line in enumerate(lines[start + 1 :]):
        for entry in line[1:]:
            feature, value = entry.split(":")
            vectors[row, int(feature) - 1] = float(value)
    coefficients = np.array([line[0] for line in lines[start + 1 :]], dtype=np.float64)
    assert len(coefficients) == len(vectors) == 774, "brisque_live.txt is damaged"
    return _SupportVectors(
        ranges[:, 0], ranges[:, 1], coefficients, vectors, float(header["gamma"]), float(header["rho"])
    )
