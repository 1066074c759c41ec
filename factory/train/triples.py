"""The generator's training triples as a pure function: (live, spoof, guide) of the n-th sample ever drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from difffas.errors import UserError
from factory.core import draws
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF
from factory.train.batches import Portion, Shuffled

SHARED = ("capture", "sitting", "subject")  # what a spoof and its live face may have in common, the closest first


class Triples(NamedTuple):
    """Index positions of N samples, int64."""

    live: np.ndarray
    spoof: np.ndarray
    guide: np.ndarray


class Pairs:
    """(live, spoof, guide) triples for the generator.

    The live face and the spoof share domain and subject; if live faces of the spoof's capture exist, only those are
    its partners, because they show the same scene; else those of its sitting, which its data set's names state, if
    there are any. The guide is another image of the spoof's style, of another subject
    if possible; the guide needs no live partner. Spoofs come in shuffled passes; live face and guide are drawn
    uniformly from all candidates.

    Args:
        corpus: real faces. split: split of the rows. seed: seed of the draws.

    Attributes:
        spoofs: index positions of the spoofs that have a live partner, ascending.
        guides: index positions of all spoofs of their styles, ascending.
        shared: how many of the spoofs share a capture with their live faces, how many a sitting, how many the subject.

    Raises:
        UserError: if the split has no row, no (live, spoof) pair, or a style has only one image.
    """

    def __init__(self, corpus: Corpus, split: str, seed: int) -> None:
        person = _joined(_codes(corpus, "domain"), _codes(corpus, "subject"))
        live, spoof = corpus.where(split=split, label=LIVE), corpus.where(split=split, label=SPOOF)
        self._lives, start, size = np.empty(0, dtype=np.int64), np.zeros_like(spoof), np.zeros_like(spoof)
        shared = np.full(len(spoof), len(SHARED))
        for kind, name in enumerate(SHARED):
            value = _codes(corpus, name)
            known = live[value[live] >= 0]
            common = person if name == "subject" else _joined(person, value)
            groups = _Groups(common[known], common)
            spans = groups.spans(common[spoof])
            here = (size == 0) & (spans.size > 0)
            start[here], size[here], shared[here] = spans.start[here] + len(self._lives), spans.size[here], kind
            self._lives = np.concatenate([self._lives, known[groups.members]])
        paired = size > 0
        if not paired.any():
            _require_split(corpus, split)
            raise UserError(
                f"{corpus.storage.url}: split {split!r} has no (live, spoof) pair of one domain and subject; "
                f"prepare it with a pattern that gives {{subject}}"
            )
        self.spoofs = spoof[paired]
        self.shared = {name: int((shared == kind).sum()) for kind, name in enumerate(SHARED)}
        self._partners = _Spans(start[paired], size[paired])
        self._guide = _GuideDraw(corpus, split, self.spoofs, spoof, person, seed)
        self.guides = self._guide.positions
        self._shuffled, self._seed = Shuffled(np.arange(len(self.spoofs)), seed), seed

    def __call__(self, n: np.ndarray) -> Triples:
        """The samples with these counters."""
        places = self._shuffled(n)
        live = self._partners.start[places] + draws.below(self._partners.size[places], n, self._seed, "live")
        return Triples(self._lives[live], self.spoofs[places], self._guide(places, n))


class SelfPairs:
    """Triples whose spoof has no partner: its condition is made from itself and any live face of the split.

    Spoofs come in shuffled passes, all of the split; guides are drawn as in `Pairs`.

    Args:
        corpus: real faces. split: split of the rows. seed: seed of the draws.

    Attributes:
        spoofs, guides: index positions of the split's spoofs, ascending.

    Raises:
        UserError: if the split has no spoof or no live face, or a style has only one image.
    """

    def __init__(self, corpus: Corpus, split: str, seed: int) -> None:
        self._lives, self.spoofs = corpus.where(split=split, label=LIVE), corpus.where(split=split, label=SPOOF)
        if not (len(self._lives) and len(self.spoofs)):
            _require_split(corpus, split)
            missing = "live face" if len(self.spoofs) else "spoof"
            raise UserError(f"{corpus.storage.url}: split {split!r} has no {missing}: self-pairs need both")
        person = _joined(_codes(corpus, "domain"), _codes(corpus, "subject"))
        self._guide = _GuideDraw(corpus, split, self.spoofs, self.spoofs, person, seed)
        self.guides = self._guide.positions
        self._shuffled, self._seed = Shuffled(np.arange(len(self.spoofs)), seed, "self-pairs"), seed

    def __call__(self, n: np.ndarray) -> Triples:
        """The samples with these counters."""
        places = self._shuffled(n)
        live = self._lives[draws.below(len(self._lives), n, self._seed, "self-pair's live")]
        return Triples(live, self.spoofs[places], self._guide(places, n))


class MixedPairs:
    """A `share` of self-pairs among real pairs; with share 0 or 1 the other kind may be absent from the corpus.

    Attributes:
        spoofs, guides: index positions of the spoofs that are targets or guides of any triple, ascending.
        shared: as in `Pairs`; None without real pairs.

    Raises:
        UserError: as `Pairs` and `SelfPairs`.
    """

    def __init__(self, corpus: Corpus, split: str, seed: int, share: float) -> None:
        self._real = Pairs(corpus, split, seed) if share < 1.0 else None
        self._own = SelfPairs(corpus, split, seed) if share > 0.0 else None
        self._portion = Portion(share)
        self.shared = None if self._real is None else self._real.shared
        kinds = [kind for kind in (self._real, self._own) if kind is not None]
        self.spoofs = np.unique(np.concatenate([kind.spoofs for kind in kinds]))
        self.guides = np.unique(np.concatenate([kind.guides for kind in kinds]))

    def __call__(self, n: np.ndarray) -> Triples:
        """The samples with these counters."""
        before, own = self._portion.before(n), self.of_self(n)
        drawn = np.empty((len(Triples._fields), len(n)), dtype=np.int64)
        if self._own is not None:
            drawn[:, own] = self._own(before[own])
        if self._real is not None:
            drawn[:, ~own] = self._real((n - before)[~own])
        return Triples(*drawn)

    def of_self(self, n: np.ndarray) -> np.ndarray:
        """Which of these samples are self-pairs; bool."""
        return self._portion.holds(n)


def _require_split(corpus: Corpus, split: str) -> None:
    splits = sorted(set(corpus.column("split").tolist()))
    if split not in splits:
        raise UserError(f"{corpus.storage.url}: split {split!r} has no row: choose among {', '.join(splits)}")


class _GuideDraw:
    """Draws a guide for each spoof: another image of its style, of another person if possible.

    Args:
        split: for messages. spoofs: index positions. pool: those of all spoofs that may guide, ascending.
        person: a code for every row of the corpus. seed: of the draws.

    Raises:
        UserError: if a style has only one image.
    """

    def __init__(
        self, corpus: Corpus, split: str, spoofs: np.ndarray, pool: np.ndarray, person: np.ndarray, seed: int
    ) -> None:
        style = _codes(corpus, "style")
        self.positions = pool[np.isin(style[pool], style[spoofs])]
        self._guides = _Guides(style[self.positions], person[self.positions])
        self._own, self._seed = np.searchsorted(self.positions, spoofs), seed
        alone = np.flatnonzero(self._guides.count == 0)
        if len(alone):
            name = corpus.index.column("style")[int(self.positions[alone[0]])].as_py()
            raise UserError(
                f"{corpus.storage.url}: split {split!r} has a single image of style {name!r}: add another to guide it"
            )

    def __call__(self, places: np.ndarray, n: np.ndarray) -> np.ndarray:
        """Index positions of the guides of the spoofs at these places, of samples with these counters."""
        own = self._own[places]
        choice = draws.below(self._guides.count[own], n, self._seed, "guide")
        choice = draws.below(self._guides.count[own], n, self._seed, "guide")
        guides: np.ndarray = self.positions[self._guides(own, choice)]
        return guides


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
