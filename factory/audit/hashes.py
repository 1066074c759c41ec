"""Difference hashes (dHash) of images, and all pairs of hashes within a few bits, without comparing all with all."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from difffas.errors import UserError

BITS = 64
MAX_RADIUS = 6  # a larger radius needs too many tables in `pairs_within`
_ROWS, _COLUMNS = 8, 9
_LUMINANCE = np.array([299.0, 587.0, 114.0])  # BT.601, in thousandths
_SELECTIVE = 24  # bits that two hashes must share before they are compared


def difference_hash(images: np.ndarray) -> np.ndarray:
    """64 bits per image: a bit is set where the luminance, averaged over 8 × 9 cells, rises to the cell on the right.

    Images are uint8 (N, H, W, 3); the result is uint64 (N,), row by row from the highest bit. Cells may cut pixels.
    All sums are sums of whole numbers below 2⁵³, so they are exact and equal on every machine. An image without
    structure hashes to 0.
    """
    luminance = images.astype(np.float64) @ _LUMINANCE  # N, H, W
    rows, columns = _overlaps(images.shape[1], _ROWS), _overlaps(images.shape[2], _COLUMNS)
    cells = rows @ luminance @ columns.T  # N, 8, 9
    rises = (cells[:, :, 1:] > cells[:, :, :-1]).reshape(len(images), BITS)
    return np.packbits(rises, axis=1).view(">u8")[:, 0].astype(np.uint64)


def _overlaps(pixels: int, cells: int) -> np.ndarray:
    """The part of each pixel in each of `cells` equal cells, in units of 1/cells pixel; float64 (cells, pixels)."""
    first = np.arange(pixels) * cells
    begin = np.arange(cells)[:, None] * pixels
    shared = np.minimum(first + cells, begin + pixels) - np.maximum(first, begin)
    return np.asarray(shared.clip(0).astype(np.float64))


def bits_apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Hamming distance of hashes, with NumPy's broadcasting; uint8."""
    return np.asarray(np.bitwise_count(first ^ second))


def pairs_within(hashes: np.ndarray, radius: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Pairs of distinct hashes at most `radius` bits apart, as (places, places, bits apart); a pair may repeat.

    The 64 bits are cut into radius + k bands. Two hashes within the radius differ in at most `radius` bands, so they
    agree in at least k: for each choice of k bands, only hashes that agree there are compared (Manku, Jain and Das
    Sarma, "Detecting near-duplicates for web crawling", WWW 2007). All pairs are found.

    Raises:
        UserError: for a radius outside 0 … 6.
    """
    if not 0 <= radius <= MAX_RADIUS:
        raise UserError(f"a radius of {radius} bits is not between 0 and {MAX_RADIUS}")
    assert len(np.unique(hashes)) == len(hashes), "give each hash once"
    for mask in _masks(radius):
        masked = hashes & mask
        order = np.argsort(masked, kind="stable")
        ordered = masked[order]
        apart = 1
        places = np.flatnonzero(ordered[1:] == ordered[:-1])  # places whose successor is in the same run
        while len(places):
            first, second = order[places], order[places + apart]
            distance = bits_apart(hashes[first], hashes[second])
            near = distance <= radius
            if near.any():
                yield first[near], second[near], distance[near]
            apart += 1
            places = places[places + apart < len(ordered)]
            places = places[ordered[places] == ordered[places + apart]]


def nearest_before(hashes: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """For each hash, the nearest earlier hash within `radius` bits; of equally near hashes, the first.

    Returns places and distances in bits (both int64; −1 for a hash without one).
    """
    distinct, first, which = np.unique(hashes, return_index=True, return_inverse=True)
    here = np.arange(len(hashes))
    # Distance and place in one number, so that the smallest is the nearest, and of equally near ones the first.
    none = np.int64(BITS + 1) * len(hashes)
    best = np.where(first[which] < here, first[which], none)  # an equal hash before
    nearest = np.full(len(distinct), none)
    for a, b, distance in pairs_within(distinct, radius):
        early, late = np.where(first[a] < first[b], (a, b), (b, a))
        np.minimum.at(nearest, late, distance.astype(np.int64) * len(hashes) + first[early])
    at_first = first[which] == here
    best[at_first] = nearest[which[at_first]]
    found = best < none
    return np.where(found, best % max(len(hashes), 1), -1), np.where(found, best // max(len(hashes), 1), -1)


def split_masks(hashes: np.ndarray, splits: np.ndarray, radius: int) -> np.ndarray:
    """The splits in which each hash or a near hash occurs, as bits of an int64; int64 (N,)."""
    distinct, which = np.unique(hashes, return_inverse=True)
    own = np.zeros(len(distinct), dtype=np.int64)
    np.bitwise_or.at(own, which, splits)
    near = own.copy()
    for a, b, _ in pairs_within(distinct, radius):
        np.bitwise_or.at(near, a, own[b])
        np.bitwise_or.at(near, b, own[a])
    return np.asarray(near[which])


def _masks(radius: int) -> Iterator[np.uint64]:
    """Masks of the bits that must agree, one per choice of bands; uses the fewest bands that leave few comparisons."""
    shared = next(k for k in itertools.count(1) if k * BITS // (radius + k) >= _SELECTIVE)
    bands = radius + shared
    edges = [math.floor(number * BITS / bands) for number in range(bands + 1)]
    band_bits = [((1 << high) - (1 << low)) for low, high in itertools.pairwise(edges)]
    for chosen in itertools.combinations(band_bits, shared):
        yield np.uint64(sum(chosen))
