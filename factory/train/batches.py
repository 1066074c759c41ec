"""Training batches as a pure function: the n-th sample ever drawn follows from the seed, n and the index."""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple, TypeAlias

import numpy as np

from difffas.errors import UserError
from factory.core import draws
from factory.core.recent import Recent
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF

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


class Mixed:
    """Mix two plans: a `share` of the samples comes from `first`, the rest from `second`, each in its own order.

    Any B consecutive samples contain share·B samples of `first`, rounded up or down. The share is rounded to a
    fraction with a denominator below 2³¹, so that counting is exact.
    """

    def __init__(self, first: SamplePlan, second: SamplePlan, share: float) -> None:
        self._first, self._second = first, second
        self._of, self._in = Fraction(share).limit_denominator(2**31 - 1).as_integer_ratio()

    def __call__(self, n: np.ndarray) -> np.ndarray:
        """Index positions of the samples with these counters."""
        before = self._before(n)
        chosen = self._before(n + 1) > before
        drawn = np.empty(len(n), dtype=np.int64)
        drawn[chosen], drawn[~chosen] = self._first(before[chosen]), self._second((n - before)[~chosen])
        return drawn

    def _before(self, n: np.ndarray) -> np.ndarray:
        """The number of samples below n that come from `first`: ⌊n·share⌋, without a product beyond 2⁶²."""
        whole, part = np.divmod(n.astype(np.int64), self._in)
        found: np.ndarray = whole * self._of + part * self._of // self._in
        return found


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


class Pairs:
    """(live, spoof, guide) triples for the generator.

    The live face and the spoof share domain and subject; if live faces of the spoof's capture exist, only those are
    its partners, because they show the same scene. The guide is another image of the spoof's style, of another subject
    if possible; the guide needs no live partner. Spoofs come in shuffled passes; live face and guide are drawn
    uniformly from all candidates.

    Args:
        corpus: real faces. split: split of the rows. seed: seed of the draws.

    Attributes:
        spoofs: index positions of the spoofs that have a live partner, ascending.
        guides: index positions of all spoofs of their styles, ascending.

    Raises:
        UserError: if the split has no row, no (live, spoof) pair, or a style has only one image.
    """

    def __init__(self, corpus: Corpus, split: str, seed: int) -> None:
        person = _joined(_codes(corpus, "domain"), _codes(corpus, "subject"))
        capture = _codes(corpus, "capture")
        live, spoof = corpus.where(split=split, label=LIVE), corpus.where(split=split, label=SPOOF)
        filmed = live[capture[live] >= 0]
        scene = _joined(person, capture)
        by_scene, by_person = _Groups(scene[filmed], scene), _Groups(person[live], person)
        self._lives = np.concatenate([filmed[by_scene.members], live[by_person.members]])
        in_scene, of_person = by_scene.spans(scene[spoof]), by_person.spans(person[spoof])
        start = np.where(in_scene.size > 0, in_scene.start, len(filmed) + of_person.start)
        size = np.where(in_scene.size > 0, in_scene.size, of_person.size)
        paired = size > 0
        if not paired.any():
            _require_split(corpus, split)
            raise UserError(
                f"{corpus.storage.url}: split {split!r} has no (live, spoof) pair of one domain and subject; "
                f"prepare it with a pattern that gives {{subject}}"
            )
        self.spoofs = spoof[paired]
        self._partners = _Spans(start[paired], size[paired])
        style = _codes(corpus, "style")
        self.guides = spoof[np.isin(style[spoof], style[self.spoofs])]
        self._guides = _Guides(style[self.guides], person[self.guides])
        self._among_guides = np.searchsorted(self.guides, self.spoofs)
        alone = np.flatnonzero(self._guides.count == 0)
        if len(alone):
            name = corpus.index.column("style")[int(self.guides[alone[0]])].as_py()
            raise UserError(
                f"{corpus.storage.url}: split {split!r} has a single image of style {name!r}: add another to guide it"
            )
        self._shuffled, self._seed = Shuffled(np.arange(len(self.spoofs)), seed), seed

    def __call__(self, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Index positions (live, spoof, guide) of the samples with these counters."""
        places = self._shuffled(n)
        live = self._partners.start[places] + draws.below(self._partners.size[places], n, self._seed, "live")
        own = self._among_guides[places]
        guide = self._guides(own, draws.below(self._guides.count[own], n, self._seed, "guide"))
        return self._lives[live], self.spoofs[places], self.guides[guide]


def _require_split(corpus: Corpus, split: str) -> None:
    splits = sorted(set(corpus.column("split").tolist()))
    if split not in splits:
        raise UserError(f"{corpus.storage.url}: split {split!r} has no row: choose among {', '.join(splits)}")


class _Spans(NamedTuple):
    """Contiguous ranges of an array."""

    start: np.ndarray
    size: np.ndarray


class _Groups:
    """Items grouped by code: `members` lists the places of one group after another, each group in its original order.

    `all_codes` are the codes that `spans` accepts.
    """

    def __init__(self, codes: np.ndarray, all_codes: np.ndarray) -> None:
        self.members = np.argsort(codes, kind="stable")
        self._size = np.bincount(codes, minlength=int(all_codes.max(initial=-1)) + 1)
        self._start = np.cumsum(self._size) - self._size

    def spans(self, codes: np.ndarray) -> _Spans:
        """Ranges in `members` of the groups with these codes; empty for a missing group."""
        return _Spans(self._start[codes], self._size[codes])


class _Guides:
    """The possible guides of each spoof, without listing them: the range of the style's spoofs, minus a hole in it.

    The spoofs of a style are ordered by person. The hole is the spoof's own person, or the spoof itself if the style
    has no other person.
    """

    def __init__(self, style: np.ndarray, person: np.ndarray) -> None:
        own = _joined(style, person)
        people = _Groups(own, own)
        self._ordered = people.members
        place = np.empty(len(own), dtype=np.int64)
        place[self._ordered] = np.arange(len(own))
        self._style, mine = _Groups(style, style).spans(style), people.spans(own)
        others = self._style.size > mine.size
        self._hole = _Spans(np.where(others, mine.start, place), np.where(others, mine.size, 1))
        self.count = self._style.size - self._hole.size

    def __call__(self, places: np.ndarray, choice: np.ndarray) -> np.ndarray:
        """The guides number `choice` (below `count`) of the spoofs at `places`, as places among the spoofs."""
        found = self._style.start[places] + choice
        found += np.where(found >= self._hole.start[places], self._hole.size[places], 0)
        guides: np.ndarray = self._ordered[found]
        return guides


def _codes(corpus: Corpus, name: str) -> np.ndarray:
    """A text column as int64 codes: equal texts get equal codes, missing texts get −1."""
    column = corpus.index.column(name)
    if not len(column):
        return np.empty(0, dtype=np.int64)
    # `Corpus` gives every chunk the same dictionary.
    return np.concatenate([chunk.indices.fill_null(-1).to_numpy() for chunk in column.chunks]).astype(np.int64)


def _joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Codes of the pairs (first, second), in the order of the pairs and without gaps."""
    pairs = (first + 1) * (int(second.max(initial=-1)) + 2) + second + 1
    return np.asarray(np.unique(pairs, return_inverse=True)[1])


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
