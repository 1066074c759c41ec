"""Which rows a figure shows: chosen by a hash of their keys, never by hand."""

from __future__ import annotations

import hashlib

import numpy as np

from factory.corpus import Corpus


def by_hash(corpus: Corpus, positions: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` of these positions, those whose keys have the least hashes, in the order of the hashes."""
    keys = corpus.column("key")[positions]
    ranked = sorted(range(len(keys)), key=lambda place: _hash(str(keys[place])))
    return np.asarray(positions[np.array(ranked[:count], dtype=np.int64)])


def in_turns(corpus: Corpus, positions: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` of these positions: styles take turns, and a hash of the key chooses within each style."""
    ranked = by_hash(corpus, positions, len(positions))
    turns: dict[str, int] = {}
    order = []
    for place, style in enumerate(corpus.column("style")[ranked]):
        turn = turns.get(style, 0)
        turns[style] = turn + 1
        order.append((turn, style, place))
    return np.asarray(ranked[np.array([place for _, _, place in sorted(order)[:count]], dtype=np.int64)])


def _hash(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=8).digest()
