"""t-SNE of a few hundred points, exactly and in NumPy alone: a map in which neighbours stay neighbours.

Van der Maaten and Hinton (JMLR 2008). The start is the first two principal components (Kobak and Berens, 2019), so
that the same points give the same map. Distances between far clusters and sizes of clusters mean nothing in such a
map.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

LEAST = 1e-12
EXAGGERATION, EXAGGERATED_STEPS = 12.0, 250
MOMENTA = (0.5, 0.8)  # while similarities are exaggerated, and after
BISECTIONS = 64


def tsne(points: npt.ArrayLike, perplexity: float = 30.0, steps: int = 750, start: Floats | None = None) -> Floats:
    """Map points (N, D) to the plane (N, 2); `perplexity` is lowered to a third of N − 1 if it is above that.

    `start` is an earlier map of the same points (N, 2), whose directions the new map begins with.

    Raises:
        ValueError: for fewer than four points, or points that are not finite.
    """
    given = np.asarray(points, dtype=np.float64)
    if given.ndim != 2 or len(given) < 4 or not np.isfinite(given).all():
        raise ValueError(f"points of shape {given.shape}: give four or more finite ones, as (N, D)")
    similar = joint(given, min(perplexity, (len(given) - 1) / 3))
    placed = _principal(given) if start is None else _small(start - start.mean(axis=0))
    step, gains = np.zeros_like(placed), np.ones_like(placed)
    rate = max(len(given) / EXAGGERATION / 4, 50.0)
    for number in range(steps):
        early = number < EXAGGERATED_STEPS
        slope = gradient(similar * (EXAGGERATION if early else 1.0), placed)
        gains = np.maximum(np.where(slope * step < 0, gains + 0.2, gains * 0.8), 0.01)
        step = MOMENTA[not early] * step - rate * gains * slope
        placed = placed + step
    centred: Floats = placed - placed.mean(axis=0)
    return centred


def joint(points: Floats, perplexity: float) -> Floats:
    """Symmetric similarities of all pairs (N, N), which sum to 1; each point has `perplexity` effective neighbours."""
    squares = _squares(points)
    others = ~np.eye(len(points), dtype=bool)
    distance = squares[others].reshape(len(points), -1)
    distance = distance - distance.min(axis=1, keepdims=True)
    precision = 1.0 / np.maximum(distance.mean(axis=1, keepdims=True), LEAST)
    lower, upper = np.zeros_like(precision), np.full_like(precision, np.inf)
    for _ in range(BISECTIONS):
        share = np.exp(-distance * precision)
        share = share / share.sum(axis=1, keepdims=True)
        entropy = -(share * np.log(np.maximum(share, LEAST))).sum(axis=1, keepdims=True)
        wide = entropy > np.log(perplexity)
        lower, upper = np.where(wide, precision, lower), np.where(wide, upper, precision)
        precision = np.where(np.isinf(upper), precision * 2.0, (lower + upper) / 2.0)
    whole = np.zeros_like(squares)
    whole[others] = share.ravel()
    return np.maximum((whole + whole.T) / (2.0 * len(points)), LEAST)


def gradient(similar: Floats, placed: Floats) -> Floats:
    """The slope of the divergence between the similarities of the points and those of the map (N, 2)."""
    near = 1.0 / (1.0 + _squares(placed))
    np.fill_diagonal(near, 0.0)
    pull = (similar - np.maximum(near / near.sum(), LEAST)) * near
    slope: Floats = 4.0 * (pull.sum(axis=1, keepdims=True) * placed - pull @ placed)
    return slope


def _squares(points: Floats) -> Floats:
    norms = (points**2).sum(axis=1)
    squares: Floats = np.maximum(norms[:, None] + norms[None, :] - 2.0 * points @ points.T, 0.0)
    return squares


def _principal(points: Floats) -> Floats:
    """The first two principal components, tiny, with the sign by which the largest entry is positive."""
    centred = points - points.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    found = np.zeros((len(points), 2))
    kept = min(2, len(sizes))
    found[:, :kept] = left[:, :kept] * sizes[:kept]
    found *= np.sign(found[np.abs(found).argmax(axis=0), [0, 1]])
    return _small(found)


def _small(placed: Floats) -> Floats:
    """The places, shrunk to a deviation of 1e-4 along the first axis."""
    return placed * (1e-4 / max(float(placed[:, 0].std()), LEAST))
