"""BRISQUE, the no-reference image quality score that orders samples by quality (lower is better), scored offline.

Mittal, Moorthy and Bovik, "No-Reference Image Quality Assessment in the Spatial Domain", IEEE TIP 21(12), 2012.
The formulas are those of piq 0.8.0. The arithmetic is our own, so that a score is the same number on every machine:
planes are filtered by single float64 operations, whose results IEEE 754 fixes, and only whole numbers with sums below
2⁵³ are added up, so that the order of additions cannot matter. Where rounding alone would decide piq's score, a rule
decides ours: see docs/method.md. A CPU scores one image after the other, so that its planes stay in the cache.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from difffas.brisque_svm import regress

Floats: TypeAlias = npt.NDArray[np.float64]
# B,H,W: NumPy arrays on a CPU, torch tensors on a GPU. Both spell the operations used here alike, and NumPy starts an
# operation on a small plane in a third of the time.
Planes: TypeAlias = Any

IMPLEMENTATION = "difffas-live-exact-3"  # the column `brisque_impl`; a new number whenever a score could change
GIVE = "give uint8 B,H,W,3 or float B,3,H,W in [0, 1]"
MINIMUM_SIDE = 14  # [ours] the half-size image must not be smaller than the window

WINDOW, SIGMA = 7, 7 / 6  # Gaussian window of the local mean and deviation
REACH = WINDOW // 2
SHIFTS = ((0, 1), (1, 0), (1, 1), (-1, 1))  # the four neighbours that a coefficient is multiplied with
CUDA_BATCH = 64  # images at once; about 1 GiB at 256²

PIXEL_BITS = 14  # binary places of a floating point pixel, 0..255: n / 255 in float32 is n again
CONTRAST_BITS = 30  # binary places of (grey level − local mean); the contrast of a constant window is exactly zero
LARGEST = 2.75  # bound of a coefficient: √((1 − w) / w), where w is the weight of the middle of the window


@torch.no_grad()
def brisque(images: npt.NDArray[np.generic] | Tensor) -> tuple[Floats, list[str | None]]:
    """Score RGB images; lower is better, and scores may lie below 0 or above 100.

    Args:
        images: uint8 B,H,W,3, or floating point B,3,H,W in [0, 1]; array or tensor. A CUDA tensor is scored on its
            GPU, any other on the CPU. On a CPU, to the bit, the score of an image depends on that image alone.

    Returns:
        The scores, float64 B, and for each image None or the reason why its score is NaN: "non-finite pixels",
        "pixels outside [0, 1]", "side below 14", "flat image" (one grey level), "no contrast" (the statistics of its
        coefficients do not exist).

    Raises:
        ValueError: `images` is neither of the two kinds. A fault of a single image never raises.
    """
    batch = _tensor(images)
    if batch.dtype == torch.uint8 and batch.ndim == 4 and batch.shape[3] == 3:
        batch, white = batch.permute(0, 3, 1, 2), 255
    elif batch.is_floating_point() and batch.ndim == 4 and batch.shape[1] == 3:
        white = 1
    else:
        raise ValueError(f"images are {batch.dtype} of shape {tuple(batch.shape)}: {GIVE}")
    if min(batch.shape[2:]) < MINIMUM_SIDE:
        return np.full(len(batch), math.nan), [f"side below {MINIMUM_SIDE}"] * len(batch)
    parts = torch.split(batch, CUDA_BATCH) if batch.is_cuda else torch.split(batch.cpu(), 1)
    _keep_freed_memory()
    moments, faults = zip(*[_measure(part, white) for part in parts], strict=True)
    scores = regress(_features(np.concatenate(moments)).reshape(-1, 36))
    otherwise = ["no contrast" if missing else None for missing in np.isnan(scores)]
    return scores, [fault or other for fault, other in zip(itertools.chain(*faults), otherwise, strict=True)]


def _tensor(images: npt.NDArray[np.generic] | Tensor) -> Tensor:
    """Convert the images to a tensor of a type that torch computes with; the numbers stay exactly the same."""
    if not isinstance(images, Tensor):
        array = np.array(images, order="C")
        if array.dtype.kind == "f" and not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        try:
            return torch.from_numpy(array)
        except TypeError:  # texts, objects, floats of more than 64 bits
            raise ValueError(f"images are {array.dtype} of shape {array.shape}: {GIVE}") from None
    if images.layout != torch.strided or images.is_meta:
        raise ValueError(f"images are {images.layout} on {images.device}: give a dense tensor that has values")
    narrow = images.is_floating_point() and images.dtype.itemsize == 1  # float8: torch only stores it
    return images.detach().float() if narrow else images.detach()


@lru_cache(maxsize=1)
def _keep_freed_memory() -> None:
    """Make the C library keep freed planes for the next image: otherwise the kernel clears new pages, 1 ms for 256².

    glibc returns memory beyond twice the largest block freed so far, so one large block, never touched, is freed here.
    """
    np.empty(2**24, dtype=np.uint8)


def _measure(images: Tensor, white: int) -> tuple[Floats, list[str | None]]:
    """Moments of both scales, B,2,22, of images B,3,H,W in 0..white; NaN and the reason for images that have none."""
    moments, reasons = np.full((len(images), 2, 22), math.nan), _faults(images)
    sound = [place for place, reason in enumerate(reasons) if reason is None]
    if not sound:
        return moments, reasons
    luma = _luma(images if len(sound) == len(images) else images[sound], 255 // white)
    library, scales = _library(luma), [_moments(plane) for plane in (luma, _halve(luma))]
    found = library.stack(scales, 1)
    vectors = luma.reshape(len(luma), -1)
    flat = library.amin(vectors, 1) == library.amax(vectors, 1)
    moments[sound] = found.cpu().numpy() if images.is_cuda else found
    for place in itertools.compress(sound, flat.tolist()):
        moments[place], reasons[place] = math.nan, "flat image"
    return moments, reasons


def _faults(images: Tensor) -> list[str | None]:
    """Per image, the reason why it cannot be scored, or None; an image that holds NaN has NaN as its extremes."""
    if images.dtype == torch.uint8:
        return [None] * len(images)
    extremes = torch.stack((images.amin((1, 2, 3)), images.amax((1, 2, 3))), dim=1)  # B, 2
    outside = ((extremes < 0) | (extremes > 1)).any(dim=1)
    unknown = ~extremes.isfinite().all(dim=1)
    return [
        "non-finite pixels" if nan else "pixels outside [0, 1]" if out else None
        for nan, out in zip(unknown.tolist(), outside.tolist(), strict=True)
    ]


def _luma(rgb: Tensor, scale: int) -> Planes:
    """Y of YIQ in whole grey levels 0..255, B,H,W, halves rounded up; `rgb` is B,3,H,W and multiplied by `scale`.

    ⌊(299 R + 587 G + 114 B + 500) / 1000⌋: the numerator is a whole number, and if the true quotient is below the next
    whole number, so is the correctly rounded one.
    """
    if rgb.dtype != torch.uint8:
        rgb = _to_grid(rgb.double() * scale, PIXEL_BITS)
    planes = rgb.movedim(1, 3).to(torch.float32 if rgb.dtype == torch.uint8 else torch.float64)
    weighted = planes @ torch.tensor((299, 587, 114), dtype=planes.dtype, device=planes.device)
    luma = weighted.add_(500).div_(1000).floor_().float()
    return luma if luma.is_cuda else luma.numpy()


def _to_grid(values: Any, bits: int) -> Any:
    """Round float64 values below 2^(51 - bits) in place to multiples of 2^-bits, halves to even."""
    shift = 1.5 * 2.0 ** (52 - bits)
    values += shift
    values -= shift
    return values


def _moments(luma: Planes) -> Planes:
    """The means over one scale that `_features` needs, B,22; luma B,H,W.

    First the means of |c| and c². Then, for the products of neighbours at each of SHIFTS: the share of positive ones,
    the share of negative ones, and the means of their magnitude, signed square and square.
    """
    library, (count, height, width) = _library(luma), luma.shape
    pixels = height * width
    scale, energy_scale = _exact_scale(pixels, LARGEST), _exact_scale(pixels, LARGEST**2)
    planes = _zeros(luma, library.float64, 3, count, height, width)
    sign = _zeros(luma, library.int8, count, height, width)
    magnitude, signed, energy = planes
    _coefficients(luma, scale, magnitude, sign)
    library.multiply(magnitude, magnitude, out=energy)
    energy *= energy_scale / scale**2
    _to_grid(energy, 0)
    signed[:] = sign
    signed *= energy
    units = (scale**-2, energy_scale**-2, energy_scale**-2)
    pairs = _pair_sums(planes.reshape(3 * count, height, width)).reshape(len(SHIFTS), 3, count)
    vectors = magnitude.reshape(count, -1)
    sums = [vectors.sum(1) / scale, _dots(vectors, vectors) * scale**-2, *_sign_counts(sign)]
    sums += [pairs[shift, kind] * units[kind] for kind in range(3) for shift in range(len(SHIFTS))]
    return library.stack(sums, 1) / pixels


def _exact_scale(count: int, largest: float) -> float:
    """The largest power of two p such that `count` products of two values up to `largest` · p sum to below 2⁵³."""
    return 2.0 ** int((53 - math.log2(count * largest**2)) / 2)


def _pair_sums(planes: Planes) -> Planes:
    """Sums over each plane of the products of neighbours, 4,B for SHIFTS (down, right); planes of whole numbers B,H,W.

    Neighbours wrap around the border: the neighbour of (y, x) is (y - down, x - right). Row after row, a plane is one
    vector, and the neighbour is `down` · W + `right` elements earlier. Only for the first column is that wrong: it
    gives the last column one row too early, which is corrected.
    """
    vectors, width = planes.reshape(len(planes), -1), planes.shape[2]
    first, last = planes[:, :, 0], _wrapped_rows(planes)[:, :, -1]
    columns = [_dots(first, last[:, 2 - up :][:, : first.shape[1]]) for up in range(-1, 3)]
    sums = []
    for down, right in SHIFTS:
        apart = abs(down * width + right)
        total = _dots(vectors[:, apart:], vectors[:, :-apart]) + _dots(vectors[:, :apart], vectors[:, -apart:])
        sums.append(total + right * (columns[down + 1] - columns[down + 2]))
    return _library(planes).stack(sums)


def _wrapped_rows(planes: Planes) -> Planes:
    """The last column, from two rows above the first to one below the last; rows beyond a border wrap around."""
    column = planes[:, :, -1:]
    return _library(planes).concatenate((column[:, -2:], column, column[:, :1]), 1)


def _dots(a: Planes, b: Planes) -> Any:
    """Dot products B of B,N and B,N. Uses einsum on a CPU, because BLAS would start threads of its own."""
    return (a * b).sum(1) if isinstance(a, Tensor) else np.einsum("bn,bn->b", a, b)


def _sign_counts(sign: Planes) -> list[Any]:
    """Number of positive products of neighbours for each of SHIFTS, then of negative ones; sign int8 B,H,W."""
    library, found = _library(sign), []
    for down, right in SHIFTS:
        product = library.roll(sign, (down, right), (1, 2))
        product *= sign
        found.append([_count(product > 0), _count(product < 0)])
    return [*(positive for positive, _ in found), *(negative for _, negative in found)]


def _count(masks: Planes) -> Any:
    """Number of true elements of each mask."""
    return masks.sum((1, 2)) if isinstance(masks, Tensor) else np.array([np.count_nonzero(mask) for mask in masks])


def _library(planes: Planes) -> Any:
    return torch if isinstance(planes, Tensor) else np


def _cast(planes: Planes, dtype: Any) -> Planes:
    return planes.to(dtype) if isinstance(planes, Tensor) else planes.astype(dtype)


def _zeros(like: Planes, dtype: Any, *shape: int) -> Planes:
    return like.new_zeros(shape, dtype=dtype) if isinstance(like, Tensor) else np.zeros(shape, dtype)


def _features(moments: Floats) -> Floats:
    """The 18 features of each scale by moment matching, …,22 to …,18; NaN or infinite where a feature is undefined."""
    mean, square = moments[..., 0], moments[..., 1]  # of |c| and c²
    positive, negative, magnitude, signed_square, square_product = np.split(moments[..., 2:], 5, axis=-1)  # …,4 each
    with np.errstate(all="ignore"):
        left_variance = (square_product - signed_square) / (2 * negative)  # 0 / 0: no score
        right_variance = (square_product + signed_square) / (2 * positive)
        left, right = np.sqrt(left_variance), np.sqrt(right_variance)
        ratio = magnitude * magnitude / square_product
        ratio *= (left * left * left + right * right * right) * (left + right)
        ratio /= (left_variance + right_variance) * (left_variance + right_variance)
        inverse = square / (mean * mean)
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

    Also the midpoints between neighbouring ratios, and between their inverses: piq picks the nearest ratio.
    """
    shapes = np.arange(0.2, 10.001, 0.001)
    log_gamma = [np.array([math.lgamma(k / shape) for shape in shapes]) for k in (1, 2, 3)]
    ratios = np.exp(2 * log_gamma[1] - log_gamma[0] - log_gamma[2])
    inverse = 1 / ratios[::-1]
    return shapes, ratios, (ratios[1:] + ratios[:-1]) / 2, (inverse[1:] + inverse[:-1]) / 2


def _coefficients(luma: Planes, scale: float, magnitude: Planes, sign: Planes) -> None:
    """Mean-subtracted, contrast-normalised coefficients (I − μ) / (σ + 1) of luma B,H,W, padded with zeros.

    Writes to two planes: the magnitudes times `scale` as whole numbers, and the signs. The contrast and the variance
    are differences of almost equal numbers and need float64; their quotient does not.
    """
    library, (count, height, width) = _library(luma), luma.shape
    stride = width + 2 * REACH
    padded = _zeros(luma, library.float64, count, height + WINDOW, stride)  # one row more than the window reaches
    padded[:, REACH : REACH + height, REACH:-REACH] = luma
    levels = padded.reshape(count, -1)
    mean = _blur(levels, stride)  # B, H · stride, as are all arrays below
    contrast = _cast(
        _to_grid(levels[:, REACH * (stride + 1) :][:, : mean.shape[1]] - mean, CONTRAST_BITS), library.float32
    )
    levels *= levels
    variance = _blur(levels, stride)
    mean *= mean
    variance -= mean
    deviation = library.sqrt(_cast(abs(variance), library.float32))  # NumPy's and CUDA's are correctly rounded
    deviation += 1
    positive, negative = ((contrast > 0).view(sign.dtype), (contrast < 0).view(sign.dtype))
    sign[:] = (positive - negative).reshape(count, height, stride)[:, :, :width]
    contrast /= deviation
    magnitude[:] = abs(contrast).reshape(count, height, stride)[:, :, :width]
    magnitude *= scale
    _to_grid(magnitude, 0)


def _blur(planes: Planes, stride: int) -> Planes:
    """Filter planes with the window, one axis after the other; a plane is a vector of rows of `stride` elements each.

    B,(H + 7)·stride to B,H·stride; the last six elements of each row mix that row with the next one.
    """
    weights, size = _weights(), planes.shape[1]
    for step in (stride, 1):
        size -= stride if step == 1 else 2 * REACH * stride
        total = planes[:, REACH * step :][:, :size] * weights[REACH]
        for near in range(REACH):  # separate products and sums: fused ones would round differently on other machines
            pair = planes[:, near * step :][:, :size] + planes[:, (2 * REACH - near) * step :][:, :size]
            pair *= weights[near]
            total += pair
        planes = total
    return planes


@lru_cache(maxsize=1)
def _weights() -> list[float]:
    weights = [math.exp(-((place - REACH) ** 2) / (2 * SIGMA**2)) for place in range(WINDOW)]
    return [weight / math.fsum(weights) for weight in weights]


def _halve(luma: Planes) -> Planes:
    """Shrink B,H,W to B,H//2,W//2 with MATLAB's antialiased cubic, in float32 and tap after tap, as piq does."""
    return _halve_rows(_halve_rows(luma).swapaxes(1, 2)).swapaxes(1, 2)


def _halve_rows(image: Planes) -> Planes:
    count, height, width = image.shape
    sources, weights = _halving_taps(height)
    if height % 2:  # the weights differ from row to row; float64 keeps a constant grey level constant
        given = torch.from_numpy(weights).to(image.device) if isinstance(image, Tensor) else weights
        total = sum(image[:, source] * weight[:, None] for source, weight in zip(sources.tolist(), given, strict=True))
        return _cast(total, _library(image).float32)
    mirrored = _zeros(image, image.dtype, count, height + 6, width)
    mirrored[:, 3:-3] = image
    for beyond in range(3):
        mirrored[:, 2 - beyond], mirrored[:, -3 + beyond] = image[:, beyond], image[:, -1 - beyond]
    halved = mirrored[:, 0:height:2] * float(weights[0, 0])
    for tap, weight in enumerate(weights[1:, 0].tolist(), start=1):
        halved += mirrored[:, tap : tap + height : 2] * weight
    return halved


@lru_cache(maxsize=16)
def _halving_taps(length: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Source positions and weights, each of shape taps,length//2; beyond the border the image is mirrored.

    Positions and distances are computed as in piq, in float32.
    """
    scale = (length // 2) / length
    taps = math.ceil(4 / scale) + 2
    centre = (torch.arange(length // 2, dtype=torch.float32) + 0.5) / scale - 0.5
    first = centre.floor() - taps // 2 + 1
    distance = (torch.stack([centre - first - tap for tap in range(taps)]) * scale).abs().double()
    square, cube = distance * distance, distance * distance * distance
    weights = (1.5 * cube - 2.5 * square + 1) * (distance <= 1)
    weights += (-0.5 * cube + 2.5 * square - 4 * distance + 2) * ((distance > 1) & (distance <= 2))
    source = first.long() + torch.arange(taps)[:, None]
    source = torch.where(source < 0, -1 - source, source)
    source = torch.where(source >= length, 2 * length - 1 - source, source)
    used = weights.any(dim=1)
    return source[used].numpy(), (weights / sum(weights))[used].numpy()
