"""Counter-based random draws: the n-th draw is a hash of (seed, names, n), so there is no state to carry."""

from __future__ import annotations

import hashlib

import numpy as np


def bits(n: np.ndarray, *names: str | int) -> np.ndarray:
    """Return 64 random bits for each counter in `n` (uint64): splitmix64 (Steele et al. 2014) keyed by `names`."""
    text = "/".join(map(str, names)).encode()
    key = np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))
    with np.errstate(over="ignore"):
        z = key + (n.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(n: np.ndarray, *names: str | int) -> np.ndarray:
    """Return a float64 in [0, 1) for each counter in `n`."""
    return (bits(n, *names) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(limit: np.ndarray | int, n: np.ndarray, *names: str | int) -> np.ndarray:
    """Return an int64 in [0, limit) for each counter in `n`."""
    return (uniform(n, *names) * limit).astype(np.int64)
