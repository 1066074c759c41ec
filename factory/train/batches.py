"""Training batches as a pure function: the n-th sample ever drawn follows from the seed, n and the index."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from difffas.errors import UserError
from factory.core import draws
from factory.core.recent import Recent
from factory.corpus import Corpus

SamplePlan: TypeAlias = Callable[[np.ndarray], np.ndarray]  # counters of samples → index positions


def share(step: int, batch_size: int, rank: int, world: int) -> np.ndarray:
    """Counters of one worker's part of a global batch, whose samples are the same for any number of workers.

    Raises:
        UserError: if the batch does not divide among the workers.
    """
    if batch_size % world:
        raise UserError(f"train.batch_size {batch_size} does not divide among {world} workers: choose a multiple")
    mine = batch_size // world
    return step * batch_size + rank * mine + np.arange(mine)


class Shuffled:
    """Passes over `positions`, each in a new order that follows from `seed` and `name`."""

    def __init__(self, positions: np.ndarray, seed: int, name: str = "shuffle") -> None:
        self._positions, self._seed, self._name = positions, seed, name

    def __call__(self, n: np.ndarray) -> np.ndarray:
        """Index positions of the samples with these counters."""
        epochs, places = np.divmod(n, len(self._positions))
        drawn = np.empty(len(n), dtype=self._positions.dtype)
        for epoch in np.unique(epochs):
            mine = epochs == epoch
            drawn[mine] = self._order(int(epoch))[places[mine]]
        return drawn

    @functools.lru_cache(maxsize=4)  # noqa: B019  a batch touches at most two passes of two plans, kept for the run
    def _order(self, epoch: int) -> np.ndarray:
        rank = draws.bits(np.arange(len(self._positions)), self._seed, self._name, epoch)
        return self._positions[np.argsort(rank, kind="stable")]


class Portion:
    """A `share` of all samples, spread evenly: any B consecutive ones contain share·B of it, rounded up or down.

    The share is rounded to a fraction with a denominator below 2³¹, so that counting is exact.
    """

    def __init__(self, share: float) -> None:
        self._of, self._in = Fraction(share).limit_denominator(2**31 - 1).as_integer_ratio()

    def holds(self, n: np.ndarray) -> np.ndarray:
        """Which samples with these counters belong to the portion; bool."""
        held: np.ndarray = self.before(n + 1) > self.before(n)
        return held

    def before(self, n: np.ndarray) -> np.ndarray:
        """The number of samples below n that belong to the portion: ⌊n·share⌋, without a product beyond 2⁶²."""
        whole, part = np.divmod(n.astype(np.int64), self._in)
        found: np.ndarray = whole * self._of + part * self._of // self._in
        return found


class Mixed:
    """Mix two plans: a `share` of the samples comes from `first`, the rest from `second`, each in its own order."""

    def __init__(self, first: SamplePlan, second: SamplePlan, share: float) -> None:
        self._first, self._second, self._portion = first, second, Portion(share)

    def __call__(self, n: np.ndarray) -> np.ndarray:
        """Index positions of the samples with these counters."""
        before, chosen = self._portion.before(n), self._portion.holds(n)
        drawn = np.empty(len(n), dtype=np.int64)
        drawn[chosen], drawn[~chosen] = self._first(before[chosen]), self._second((n - before)[~chosen])
        return drawn


def mixed(parts: Sequence[tuple[SamplePlan, float]]) -> SamplePlan:
    """Mix plans in proportion to their weights, each in its own order.

    If the weights are whole numbers with sum W, any W consecutive samples hold of each plan as many as it weighs.
    """
    (plan, mass), *others = parts
    for other, weight in others:
        mass += weight
        plan = Mixed(other, plan, weight / mass)
    return plan


def high_quality(scores: np.ndarray, weight: int) -> np.ndarray:
    """Mask of the rows of high quality: those with a BRISQUE score below the mean of all scores.

    Raises:
        UserError: naming `weight`, if no two scores differ.
    """
    scored = np.isfinite(scores)
    mean = min(np.mean(scores[scored]), np.max(scores[scored])) if scored.any() else 0.0  # equal scores, rounded
    good: np.ndarray = scored & (scores < mean)
    if not good.any():
        raise UserError(
            f"sampling.quality_weight {weight} needs BRISQUE scores that differ, to tell rows of high quality "
            f"from the rest; {scored.sum()} of {len(scores)} rows have a score: leave it out"
        )
    return good


class QualityWeighted:
    """Draws `weight` samples of high quality for each other sample, each kind in shuffled passes of its own.

    Rows of high quality have a BRISQUE score below the mean of all scores [ours]; rows without a score count among the
    others. Each run of `weight` + 1 consecutive samples holds one of the others, at a place drawn anew each time.

    Args:
        positions: rows to draw from. scores: their BRISQUE scores, NaN for a row without one. seed: of the draws.

    Raises:
        UserError: if no two scores differ.
    """

    def __init__(self, positions: np.ndarray, scores: np.ndarray, weight: int, seed: int) -> None:
        good = high_quality(scores, weight)
        self._good, self._rest = Shuffled(positions[good], seed, "good"), Shuffled(positions[~good], seed, "rest")
        self._weight, self._seed = weight, seed

    def __call__(self, n: np.ndarray) -> np.ndarray:
        """Index positions of the samples with these counters."""
        turn, place = np.divmod(n, self._weight + 1)
        of_rest = draws.below(self._weight + 1, turn, self._seed, "quality")
        nth_good = turn * self._weight + place - (place > of_rest)
        drawn = np.empty(len(n), dtype=np.int64)
        rest = place == of_rest
        drawn[rest], drawn[~rest] = self._rest(turn[rest]), self._good(nth_good[~rest])
        return drawn


def flips(n: np.ndarray, seed: int) -> np.ndarray:
    """Which samples are mirrored: half of them; all images of one sample are mirrored together."""
    return draws.uniform(n, seed, "flip") < 0.5


class PixelCache:
    """Decoded images of a corpus; the most recently used stay in memory, up to a size limit."""

    def __init__(self, corpus: Corpus, gibibytes: float = 2.0) -> None:
        self._corpus = corpus
        self._recent: Recent[int, np.ndarray] = Recent(int(gibibytes * 2**30), lambda image: image.nbytes)

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """Images of the positions, uint8 (N, H, W, 3)."""
        found = {position: self._recent.get(position) for position in map(int, positions)}
        missing = sorted(position for position, image in found.items() if image is None)
        for position, image in zip(missing, self._corpus.pixels(missing), strict=True) if missing else ():
            found[position] = image
            self._recent.put(position, image)
        images = [found[position] for position in map(int, positions)]
        return np.stack([image for image in images if image is not None])
