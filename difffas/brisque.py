"""BRISQUE, the no-reference image quality score that orders samples by quality (lower is better), scored offline.

Mittal, Moorthy and Bovik, "No-Reference Image Quality Assessment in the Spatial Domain", IEEE TIP 21(12), 2012.
The numbers are those of piq 0.8.0 given float64 RGB images; what that takes is said where it is done. float64 serves
the differences of almost equal numbers, float32 the rest: scores keep within 0.001 of piq's, mostly within 0.00001.
A CPU scores one image after the other, so that its planes stay in the cache; a bad image leaves the others alone.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from difffas.brisque_svm import regress

Floats: TypeAlias = npt.NDArray[np.float64]

IMPLEMENTATION = "difffas-live-mixed-2"  # the column `brisque_impl`; a new number whenever a score could change
MINIMUM_SIDE = 14  # [ours] the half-size image must not be smaller than the window

WINDOW, SIGMA = 7, 7 / 6  # Gaussian window of the local mean and deviation
REACH = WINDOW // 2
SHIFTS = ((0, 1), (1, 0), (1, 1), (-1, 1))  # the four neighbours that a coefficient is multiplied with
NOISE = 1e-9  # a smaller contrast (grey levels 0..255) is the rounding error of a window whose contrast is zero
TIE = 1e-4  # float32 cannot tell to which grey level a colour this close to half way belongs
FLAT = 1e-6  # a smaller variance is that of a window of one grey level
TILE = 8  # outputs that one product with the banded matrix of the window gives
CUDA_BATCH = 64  # images at once; about 1 GiB at 256²


@torch.no_grad()
def brisque(images: npt.NDArray[np.generic] | Tensor) -> tuple[Floats, list[str | None]]:
    """Score RGB images; lower is better, and neither 0 nor 100 is a bound.

    Args:
        images: uint8 B,H,W,3, or floating point B,3,H,W in [0, 1]; array or tensor. A CUDA tensor is scored where it
            lies, any other on the CPU. On a CPU, to the bit, the score of an image depends on that image alone.

    Returns:
        The scores, float64 B, and for each image None or the reason why its score is NaN: "non-finite pixels",
        "pixels outside [0, 1]", "side below 14", "flat image" (one grey level), "no contrast" (the statistics of its
        coefficients do not exist).

    Raises:
        ValueError: `images` is neither of the two kinds. What is wrong with one image never raises.
    """
    batch = images.detach() if isinstance(images, Tensor) else torch.from_numpy(np.array(images, order="C"))
    if batch.dtype == torch.uint8 and batch.ndim == 4 and batch.shape[3] == 3:
        batch, white = batch.permute(0, 3, 1, 2), 255
    elif batch.is_floating_point() and batch.ndim == 4 and batch.shape[1] == 3:
        white = 1
    else:
        raise ValueError(
            f"images are {batch.dtype} of shape {tuple(batch.shape)}: give uint8 B,H,W,3 or float B,3,H,W in [0, 1]"
        )
    if min(batch.shape[2:]) < MINIMUM_SIDE:
        return np.full(len(batch), math.nan), [f"side below {MINIMUM_SIDE}"] * len(batch)
    parts = torch.split(batch, CUDA_BATCH) if batch.is_cuda else torch.split(batch.cpu(), 1)
    moments, faults = zip(*[_measure(part, white) for part in parts], strict=True)
    scores = regress(_features(np.concatenate(moments)).reshape(-1, 36))
    otherwise = ["no contrast" if missing else None for missing in np.isnan(scores)]
    return scores, [fault or other for fault, other in zip(itertools.chain(*faults), otherwise, strict=True)]


def _measure(images: Tensor, white: int) -> tuple[Floats, list[str | None]]:
    """Moments of both scales, B,2,26, of images B,3,H,W in 0..white; or NaN and the reason why there are none."""
    moments, reasons = np.full((len(images), 2, 26), math.nan), _faults(images)
    sound = [place for place, reason in enumerate(reasons) if reason is None]
    if not sound:
        return moments, reasons
    luma = _luma(images if len(sound) == len(images) else images[sound], 255 / white)
    scales = _moments(luma, channels_last=True), _moments(_halve(luma), channels_last=False)
    moments[sound] = torch.stack(scales, dim=1).cpu().numpy()
    for place in itertools.compress(sound, (luma.amin((1, 2)) == luma.amax((1, 2))).tolist()):
        moments[place], reasons[place] = math.nan, "flat image"
    return moments, reasons


def _faults(images: Tensor) -> list[str | None]:
    """What forbids to score an image; the extremes of one that holds NaN are NaN."""
    if images.dtype == torch.uint8:
        return [None] * len(images)
    extremes = torch.stack((images.amin((1, 2, 3)), images.amax((1, 2, 3))), dim=1)  # B, 2
    outside = ((extremes < 0) | (extremes > 1)).any(dim=1)
    unknown = ~extremes.isfinite().all(dim=1)
    return [
        "non-finite pixels" if nan else "pixels outside [0, 1]" if out else None
        for nan, out in zip(unknown.tolist(), outside.tolist(), strict=True)
    ]


def _luma(rgb: Tensor, scale: float) -> Tensor:
    """Y of YIQ in whole grey levels 0..255, as an 8-bit image would hold it; float32 B,H,W of rgb B,3,H,W · scale."""
    red, green, blue = (rgb if rgb.dtype == torch.uint8 else rgb.float()).unbind(1)
    exact = (red * (0.299 * scale)).add_(green, alpha=0.587 * scale).add_(blue, alpha=0.114 * scale)
    luma = exact.round()
    # One 8-bit colour in a thousand lies half way between two levels. piq's matrix product decides by its fused
    # multiply-adds; a pixel that is rounded the other way moves the score by about 0.001.
    image, row, column = _places(exact.sub_(luma).abs_().gt_(0.5 - TIE))
    colours = rgb[image, :, row, column].double().cpu().numpy() * scale
    decided = _fused(colours[:, 2], 0.114, _fused(colours[:, 1], 0.587, colours[:, 0] * 0.299))
    luma[image, row, column] = torch.from_numpy(np.rint(decided)).to(luma)
    return luma


def _places(mask: Tensor) -> tuple[npt.NDArray[np.intp], ...]:
    """Where a float mask B,H,W is not zero; a float comparison and numpy take a third of torch's bool and nonzero."""
    return np.unravel_index(np.flatnonzero(mask.bool().cpu().numpy()), mask.shape)


def _fused(a: Floats, b: float, c: Floats) -> Floats:
    """a·b + c with a single rounding (Dekker's product and Knuth's sum carry the errors)."""
    split_a, split_b = a * 134217729.0, b * 134217729.0  # 2²⁷ + 1 cuts the 53 bits of a float64 in two halves
    high_a, high_b = split_a - (split_a - a), split_b - (split_b - b)
    low_a, low_b = a - high_a, b - high_b
    product = a * b
    product_error = ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b
    total = product + c
    back = total - product
    rounded: Floats = total + (((product - (total - back)) + (c - back)) + product_error)
    return rounded


def _moments(luma: Tensor, channels_last: bool) -> Tensor:
    """Moments of one scale, B,26, float64; luma B,H,W in 0..255. `_features` says which.

    Sums go row by row first, for precision and because threads would share out a longer one.
    """
    height, width = luma.shape[1:]
    coefficients = _normalised_contrast(luma, channels_last)
    wrapped = F.pad(coefficients, (1, 0, 1, 1), mode="circular")  # neighbours wrap around the border
    products, sign = torch.empty_like(coefficients), torch.empty_like(coefficients)
    magnitude = torch.abs(coefficients, out=products)
    sums, norms = [magnitude.sum(2)], [torch.linalg.vector_norm(coefficients, dim=2)]
    everywhere = torch.full_like(sums[0], width) if magnitude.amin() > 0 else None  # else black or flat windows
    for down, right in SHIFTS:
        neighbours = wrapped[:, 1 - down : 1 - down + height, 1 - right : 1 - right + width]
        torch.mul(coefficients, neighbours, out=products)
        sums.append(torch.sign(products, out=sign).sum(2))
        sums += [sign.abs_().sum(2) if everywhere is None else everywhere, products.sum(2)]
        norms.append(torch.linalg.vector_norm(products, dim=2))
        sums.append(products.clamp_min_(0.0).sum(2))
        norms.append(torch.linalg.vector_norm(products, dim=2))
    rows = torch.stack(sums + norms, dim=1).double()  # B, 26, H
    rows[:, len(sums) :].square_()
    return rows.sum(dim=2) / (height * width)


def _features(moments: Floats) -> Floats:
    """The 18 features of each scale by moment matching, …,26 to …,18. NaN or infinite where one does not exist."""
    mean, square = moments[..., 0], moments[..., 17]  # of |c| and c²
    surplus, nonzero, total, positive = (moments[..., place:17:4] for place in range(1, 5))  # each …,4 neighbours
    square_product, right_square = moments[..., 18::2], moments[..., 19::2]
    with np.errstate(all="ignore"):
        left_variance = np.maximum(square_product - right_square, 0.0) / ((nonzero - surplus) / 2)  # 0 / 0: no score
        right_variance = right_square / ((nonzero + surplus) / 2)
        left, right = np.sqrt(left_variance), np.sqrt(right_variance)
        ratio = np.square(2 * positive - total) / square_product
        ratio *= (left**3 + right**3) * (left + right) / np.square(left_variance + right_variance)
        inverse = square / np.square(mean)
    shapes, ratios, middles, inverse_middles = _shape_table()
    shape = shapes[len(shapes) - 1 - np.searchsorted(inverse_middles, inverse)]
    nearest = np.searchsorted(middles, ratio)
    asymmetric = np.stack(
        (shapes[nearest], (right - left) * np.sqrt(ratios[nearest]), left_variance, right_variance), -1
    )
    plain = np.stack((shape, square), axis=-1)
    return np.concatenate((plain, asymmetric.reshape(*plain.shape[:-1], 16)), axis=-1)


@lru_cache(maxsize=1)
def _shape_table() -> tuple[Floats, Floats, Floats, Floats]:
    """Shapes γ = 0.2, 0.201 … 10 and Γ(2/γ)² / (Γ(1/γ)·Γ(3/γ)), the ratio of squared mean to variance of each.

    Then what lies half way between neighbouring ratios, and between their inverses, of which piq takes the nearest.
    """
    shapes = np.arange(0.2, 10.001, 0.001)
    log_gamma = [np.array([math.lgamma(k / shape) for shape in shapes]) for k in (1, 2, 3)]
    ratios = np.exp(2 * log_gamma[1] - log_gamma[0] - log_gamma[2])
    inverse = 1 / ratios[::-1]
    return shapes, ratios, (ratios[1:] + ratios[:-1]) / 2, (inverse[1:] + inverse[:-1]) / 2


def _normalised_contrast(luma: Tensor, channels_last: bool) -> Tensor:
    """Mean-subtracted, contrast-normalised coefficients: (I − μ) / (σ + 1), float32; zero padding; luma B,H,W.

    The contrast and the variance are differences of almost equal numbers and need float64; their quotient does not.
    """
    height, width = luma.shape[1:]
    padded = F.pad(luma, (REACH, REACH - width % -TILE, REACH, REACH - height % -TILE)).double()
    mean = _blur(padded)[:, :height, :width]
    contrast = (padded[:, REACH : REACH + height, REACH : REACH + width] - mean).float()
    variance = _blur(padded.square_())[:, :height, :width].addcmul_(mean, mean, value=-1).float().abs_()
    if contrast.abs().amin() < NOISE:
        _restore_noise(contrast, luma, variance, channels_last)
    return contrast.div_(variance.sqrt_().add_(1.0))


def _blur(padded: Tensor) -> Tensor:
    """Filter planes with the window: products of tiles with a banded matrix along either axis.

    B, n·TILE + 6, m·TILE + 6 to B, n·TILE, m·TILE.
    """
    reach, band = TILE + WINDOW - 1, _band(padded.device)
    rows = (band @ padded.unfold(1, reach, TILE).mT).flatten(1, 2)
    tiles = rows.unfold(2, reach, TILE).transpose(1, 2) @ band.T  # B, m, n·TILE, TILE
    return tiles.transpose(1, 2).flatten(2)


@lru_cache(maxsize=4)
def _band(device: torch.device) -> Tensor:
    """TILE, TILE + 6: row i holds the one-dimensional window from column i on."""
    window = torch.exp(-(torch.arange(WINDOW, dtype=torch.float64) - REACH).square() / (2 * SIGMA**2))
    band = torch.zeros(TILE, TILE + WINDOW - 1, dtype=torch.float64)
    for row in range(TILE):
        band[row, row : row + WINDOW] = window / window.sum()
    return band.to(device)


def _restore_noise(contrast: Tensor, luma: Tensor, variance: Tensor, channels_last: bool) -> None:
    """Put I − μ as piq rounds it where the true difference is zero, such as in a clipped highlight.

    Only the sign of that rounding error matters: it decides whether a flat region counts as positive, negative or
    neither, and so moves the score by up to about 1. piq filters with torch's convolution on the CPU, so those
    windows, and no others, go through the same call. B,H,W all three; `contrast` is changed in place.
    """
    place = _places(contrast.abs().lt_(NOISE))
    level = luma[place].double()
    restored = _flat_noise(channels_last).to(luma.device)[level.long().clamp(0, 255)]
    other = (variance[place] >= FLAT) | (level != level.round())  # an even slope; grey levels that halving made
    if other.any():
        image, row, column = (axis[other.cpu().numpy(), None, None] for axis in place)
        span = np.arange(WINDOW)
        windows = F.pad(luma, (REACH,) * 4)[image, row + span[:, None], column + span]  # N, 7, 7
        restored[other] = level[other] - _piq_mean(windows.double(), channels_last)
    contrast[place] = restored.float()


@lru_cache(maxsize=2)
def _flat_noise(channels_last: bool) -> Tensor:
    """I − μ of a window of one grey level, 0 … 255."""
    level = torch.arange(256, dtype=torch.float64)
    return level - _piq_mean(level[:, None, None].expand(-1, WINDOW, WINDOW), channels_last)


def _piq_mean(windows: Tensor, channels_last: bool) -> Tensor:
    """Local mean of windows N,7,7 to piq's last bit: in the memory layout of piq's planes, channels last at first."""
    # One window alone sums in another order.
    windows = torch.cat((windows.cpu(), torch.zeros(2 * WINDOW, WINDOW, WINDOW, dtype=torch.float64)))
    strip = windows.transpose(0, 1).reshape(WINDOW, -1)  # 7, 7N
    strip = strip[None, :, :, None].permute(0, 3, 1, 2) if channels_last else strip[None, None]  # 1, 1, 7, 7N
    square = (torch.arange(WINDOW, dtype=torch.float64) - REACH).square()
    kernel = torch.exp(-(square[None, :] + square[:, None]) / (2 * SIGMA**2))
    mean = F.conv2d(strip, (kernel / kernel.sum())[None, None], stride=WINDOW)
    return mean.flatten()[: -2 * WINDOW].to(windows.device)


def _halve(luma: Tensor) -> Tensor:
    """Shrink B,H,W to B,H//2,W//2 with MATLAB's antialiased cubic, in float32 as piq; even sides are nearly exact."""
    return _halve_rows(_halve_rows(luma).mT.contiguous()).mT.contiguous()


def _halve_rows(image: Tensor) -> Tensor:
    halved = torch.zeros_like(image[:, : image.shape[1] // 2])
    sources, weights = _halving_taps(image.shape[1], image.device)
    if image.shape[1] % 2:
        for source, weight in zip(sources, weights, strict=True):
            halved += image.index_select(1, source).mul_(weight[:, None])
        return halved
    mirrored = torch.cat((image[:, :3].flip(1), image, image[:, -3:].flip(1)), dim=1)
    for tap, weight in enumerate(weights[:, 0].tolist()):  # all rows have the same: no copies
        halved.add_(mirrored[:, tap : tap + image.shape[1] : 2], alpha=weight)
    return halved


@lru_cache(maxsize=16)
def _halving_taps(length: int, device: torch.device) -> tuple[Tensor, Tensor]:
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
    used = weights.any(dim=1)
    return source[used].to(device), (weights / weights.sum(dim=0))[used].to(device)
