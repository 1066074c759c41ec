"""Spherical k-means over whole vectors: the buckets among whose rows pairs are sought (SemDeDup, arXiv 2303.09540).

The centroids are fitted to a sample by whole passes (Lloyd), not by mini-batches: a mini-batch depends on the order of
the rows, and with exact sums a whole pass does not [ours].
"""

from __future__ import annotations

import dataclasses
import hashlib
import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from factory.audit.semantic.vectors import mean_directions, products

PASSES = 10
SAMPLED = 64  # rows for each bucket that the centroids are fitted to
_BLOCK = 4096


def draw(names: Iterable[str], seed: int, most: int) -> np.ndarray:
    """Places of `most` names, or of all, drawn by a hash of seed and name; int64, in the order of the hashes.

    The same names are drawn in the same order wherever they stand.
    """
    salt = seed.to_bytes(8, "little")
    hashes = (hashlib.blake2b(name.encode(), digest_size=8, key=salt).digest() for name in names)
    chosen = heapq.nsmallest(most, ((value, place) for place, value in enumerate(hashes)))
    return np.array([place for _, place in chosen], np.int64)


def fit(sample: np.ndarray, buckets: int) -> np.ndarray:
    """Centroids of at most so many buckets, int16 (K, D), of whole vectors (S, D); they begin as the first distinct.

    Only which vectors come first depends on the order of the sample.
    """
    first: dict[bytes, int] = {}
    for place, row in enumerate(sample):
        first.setdefault(row.tobytes(), place)
        if len(first) == buckets:
            break
    centroids = sample[list(first.values())]
    for _ in range(PASSES):
        moved = mean_directions(sample, nearest(sample, centroids, 1)[:, 0], len(centroids))
        empty = ~moved.any(axis=1)
        moved[empty] = centroids[empty]
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    return centroids


def nearest(vectors: np.ndarray, centroids: np.ndarray, count: int) -> np.ndarray:
    """The `count` centroids with the greatest products, the greatest first, of equals the first; int32 (N, count)."""
    count = min(count, len(centroids))
    found = np.empty((len(vectors), count), np.int32)
    for first in range(0, len(vectors), _BLOCK):
        block = slice(first, first + _BLOCK)
        near = products(vectors[block], centroids)
        rows = np.arange(len(near))
        for turn in range(count):
            best = near.argmax(axis=1)
            found[block, turn] = best
            near[rows, best] = -np.inf
    return found


@dataclasses.dataclass(frozen=True)
class Members:
    """The rows of every bucket, those at home first, then visitors: rows for which it is a further bucket."""

    rows: np.ndarray  # int64, bucket by bucket
    starts: np.ndarray  # int64 (K + 1,), the place of each bucket's first in `rows`
    homes: np.ndarray  # int64 (K,), how many are at home


def members(nearest_buckets: np.ndarray, buckets: int) -> Members:
    """Turn the nearest buckets of N rows, int32 (N, probes), the home first, into the rows of every bucket."""
    probes = nearest_buckets.shape[1]
    sort = nearest_buckets.astype(np.int64) * 2
    sort[:, 1:] += 1  # a visitor
    order = np.argsort(sort.ravel(), kind="stable")
    starts = np.searchsorted(sort.ravel()[order], np.arange(buckets + 1) * 2)
    return Members(order // probes, starts, np.bincount(nearest_buckets[:, 0], minlength=buckets))


class Tile(NamedTuple):
    """A piece of comparing: all of the buckets from `first` to before `end`, or of one two of `parts` equal parts."""

    first: int
    end: int
    part: int = 0
    other: int = 0
    parts: int = 1


class Piece(NamedTuple):
    """Rows to compare with one another, or those before `split` with those from there on."""

    rows: np.ndarray  # int64
    home: np.ndarray  # bool
    split: int | None


def tiles(found: Members, most: int) -> list[Tile]:
    """Cut the comparing into pieces of at most `most` rows, so that one fits into memory however large a bucket is."""
    sizes, planned, first, held = np.diff(found.starts), list[Tile](), 0, 0
    for bucket, size in enumerate(sizes.tolist()):
        if held + size > most and held:
            planned.append(Tile(first, bucket))
            first, held = bucket, 0
        if size > most:
            parts = -(-2 * size // most)
            planned += [Tile(bucket, bucket + 1, a, b, parts) for a in range(parts) for b in range(a, parts)]
            first = bucket + 1
        else:
            held += size
    return [*planned, Tile(first, len(sizes))] if held else planned


def pieces(found: Members, tile: Tile) -> Iterator[Piece]:
    """The rows of a tile, bucket by bucket; buckets of fewer than two rows are left out."""
    for bucket in range(tile.first, tile.end):
        start, end = found.starts[bucket], found.starts[bucket + 1]
        parts = np.array_split(np.arange(start, end), tile.parts)
        chosen, split = parts[tile.part], None
        if tile.part != tile.other:
            split = len(chosen)
            chosen = np.concatenate([chosen, parts[tile.other]])
        if len(chosen) > 1:
            yield Piece(found.rows[chosen], chosen - start < found.homes[bucket], split)
