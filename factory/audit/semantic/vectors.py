"""Embeddings as vectors of whole numbers: their products are exact, so equal on every machine and in every order.

A unit vector is stored in steps of 1/4000, 2 bytes a number. Every product of two such vectors, and every partial sum
of it, is a whole number of at most |a|·|b| < 2²⁴ (Cauchy-Schwarz). float32 holds those exactly, whichever order and
fused operations a library chooses [ours]. Rounding moves a cosine by some 0.0001.
"""

from __future__ import annotations

import numpy as np

from difffas.errors import UserError

SCALE = 4000
MOST_NUMBERS = 4096  # of a vector: rounding lengthens it by √D/2 at most, and 4032² is below 2²⁴
PARTS = 1_000_000  # 1 − cosine is told in millionths


def whole(vectors: np.ndarray) -> np.ndarray:
    """Vectors of any length, (N, D), as unit vectors in steps of 1/`SCALE`; int16 (N, D).

    A vector of zeros stays one: it is near no other.

    Raises:
        UserError: for numbers that are not finite, or more than 4,096 of them in a vector.
    """
    if vectors.ndim != 2 or not 0 < vectors.shape[1] <= MOST_NUMBERS:
        raise UserError(f"embeddings of shape {vectors.shape}: give 1 to {MOST_NUMBERS:,} numbers for each row")
    numbers = vectors.astype(np.float64)
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers).all(axis=1))[0])
        raise UserError(f"embedding {row} of {len(vectors)} has a number that is not finite: leave that row null")
    # The largest number becomes 1 first, so that no square overflows.
    largest = np.abs(numbers).max(axis=1, keepdims=True)
    numbers /= np.where(largest > 0, largest, 1)
    return _of_length(numbers, (numbers**2).sum(axis=1))


def mean_directions(vectors: np.ndarray, place: np.ndarray, count: int) -> np.ndarray:
    """The direction of the mean of the vectors at each place, int16 (count, D); zeros where no vector is.

    Every step is exact or one correctly rounded operation, so the result does not depend on the order of the vectors.

    Args:
        vectors: int16 (N, D). place: int64 (N,), in [0, count).
    """
    order = np.argsort(place, kind="stable")
    present, starts, counts = np.unique(place[order], return_index=True, return_counts=True)
    sums = np.add.reduceat(vectors[order], starts, axis=0, dtype=np.int64)
    means = np.rint(16 * sums / counts[:, None])  # sixteenths of a step, at most 64,000: their squares add up exactly
    found = np.zeros((count, vectors.shape[1]), np.int16)
    found[present] = _of_length(means, (means**2).sum(axis=1))
    return found


def squares(vectors: np.ndarray) -> np.ndarray:
    """Squared lengths of whole vectors (N, D) in square steps; int64 (N,)."""
    return np.asarray(np.einsum("nd,nd->n", vectors, vectors, dtype=np.int64))


def products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """All products of whole vectors (A, D) and (B, D); float32 (A, B), whole numbers without any error."""
    import torch

    a, b = (torch.from_numpy(side.astype(np.float32)) for side in (first, second))
    return np.asarray((a @ b.T).numpy())


def parts_apart(product: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """1 − cosine in millionths, from products and squared lengths above 0; int64."""
    cosine = product.astype(np.float64) / np.sqrt(first.astype(np.float64) * second)
    return np.asarray(np.rint((1 - cosine) * PARTS).astype(np.int64))


def limit_of(cosine: float) -> int:
    """The most millionths that vectors with at least this cosine are apart."""
    return round((1 - cosine) * PARTS)


def to_bytes(vectors: np.ndarray) -> bytes:
    """Whole vectors as little-endian bytes, row by row."""
    return vectors.astype("<i2").tobytes()


def from_bytes(data: memoryview | bytes, rows: int) -> np.ndarray:
    """What `to_bytes` wrote of so many rows; int16 (N, D)."""
    return np.frombuffer(data, "<i2").reshape(rows, -1)


def _of_length(numbers: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Vectors float64 (N, D) with these squared lengths, brought to `SCALE` and rounded; int16."""
    length = np.sqrt(square)[:, None]
    return np.asarray(np.rint(numbers / np.where(length > 0, length, 1) * SCALE).astype(np.int16))
