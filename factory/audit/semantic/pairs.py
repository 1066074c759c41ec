"""Which rows of a bucket are near one another: blocked products, of which only the nearest and the links are kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from factory.audit.semantic.groups import Groups
from factory.audit.semantic.vectors import PARTS, parts_apart, products, squares

GENERATED, TRAINING, CONTROL = 0, 1, 2  # kinds of rows: audited spoofs; what the generator saw; real spoofs it did not
_BLOCK = 1024


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows to compare; those at home in the bucket come first, then visitors, for which it is a further bucket."""

    vectors: np.ndarray  # int16 (M, D)
    rank: np.ndarray  # int64, place in the order of the keys of all rows
    style: np.ndarray  # int32
    kind: np.ndarray  # int8
    home: np.ndarray  # bool

    def __getitem__(self, rows: np.ndarray | slice) -> Rows:
        return Rows(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


class Near(NamedTuple):
    """What is near each of M rows, int64 (M,). Rank −1: nothing is within the limit."""

    duplicate: np.ndarray  # rank of the nearest spoof of the style whose rank is lower; of equally near ones the first
    duplicate_parts: np.ndarray  # how far it is, in millionths of 1 − cosine
    copied: np.ndarray  # rank of the nearest training spoof; of equally near ones the first
    copied_parts: np.ndarray
    root: np.ndarray  # a row of the same group of near spoofs, by place among the M rows; its own place if alone


def compare(rows: Rows, limit: int, split: int | None = None) -> Near:
    """What is near each row, among pairs of which one at least is at home.

    Spoofs are compared with spoofs of their style; spoofs and controls are compared with all training spoofs.

    Args:
        limit: the most millionths that near rows are apart.
        split: compare the rows before this place with those from there on; None: all with all.
    """
    count, ranks = len(rows.rank), int(rows.rank.max(initial=0)) + 1
    none = np.int64(PARTS * 3) * ranks  # distance and rank in one number, so that the least is the nearest
    duplicate, copied, groups = np.full(count, none), np.full(count, none), Groups(count)
    for a, b, apart in near_pairs(rows, limit, split):
        both = (rows.kind[a] == GENERATED) & (rows.kind[b] == GENERATED) & (rows.style[a] == rows.style[b])
        if both.any():
            early = np.where(rows.rank[a] < rows.rank[b], a, b)[both]
            late = (a + b)[both] - early
            np.minimum.at(duplicate, late, apart[both] * ranks + rows.rank[early])
            groups.join(early, late)
        for one, other in ((a, b), (b, a)):
            seen = (rows.kind[one] != TRAINING) & (rows.kind[other] == TRAINING)
            np.minimum.at(copied, one[seen], apart[seen] * ranks + rows.rank[other[seen]])
    return Near(*_apart(duplicate, ranks, none), *_apart(copied, ranks, none), groups.roots())


def near_pairs(rows: Rows, limit: int, split: int | None) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Pairs of rows within the limit, as places a < b and millionths, block by block; arguments as of `compare`."""
    square = squares(rows.vectors)
    count = len(square)
    for first in range(0, count if split is None else split, _BLOCK):
        a = slice(first, min(first + _BLOCK, count if split is None else split))
        for second in range(first if split is None else split, count, _BLOCK):
            b = slice(second, second + _BLOCK)
            if not _wanted(rows[a], rows[b]):
                continue
            near = products(rows.vectors[a], rows.vectors[b])
            places = np.flatnonzero(near >= _least(square[a], square[b], limit))
            i, j = np.divmod(places, near.shape[1])
            i, j, product = i + first, j + second, near.ravel()[places]
            valid = (i < j) & (rows.home[i] | rows.home[j]) & (square[i] > 0) & (square[j] > 0)
            i, j, product = i[valid], j[valid], product[valid]
            apart = parts_apart(product, square[i], square[j])
            valid = apart <= limit
            yield i[valid], j[valid], apart[valid]


def _least(first: np.ndarray, second: np.ndarray, limit: int) -> np.float32:
    """A product below which no pair of two blocks is within the limit, since none is shorter than these vectors."""
    shortest = [square[square > 0].astype(np.float64).min(initial=np.inf) for square in (first, second)]
    if np.inf in shortest:
        return np.float32(np.inf)  # zeros alone
    return np.float32((1 - (limit + 1) / PARTS) * np.sqrt(shortest[0] * shortest[1]) - 1)


def _wanted(first: Rows, second: Rows) -> bool:
    """Whether any pair of two blocks counts: training spoofs are not compared with one another, nor are controls."""
    kinds = set(np.unique(first.kind)), set(np.unique(second.kind))
    counts = GENERATED in kinds[0] & kinds[1] or any(
        TRAINING in some and others - {TRAINING} for some, others in (kinds, kinds[::-1])
    )
    return counts and bool(first.home.any() or second.home.any())


def _apart(found: np.ndarray, ranks: int, none: np.int64) -> tuple[np.ndarray, np.ndarray]:
    """Rank and millionths again; −1 for none."""
    there = found < none
    return np.where(there, found % ranks, -1), np.where(there, found // ranks, -1)
