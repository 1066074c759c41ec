"""Union-find on arrays: which of many rows hang together by pairs."""

from __future__ import annotations

import numpy as np


class Groups:
    """N rows, each at first in a group of its own; the root of a group is its lowest row."""

    def __init__(self, rows: int) -> None:
        self._parent = np.arange(rows)

    def join(self, first: np.ndarray, second: np.ndarray) -> None:
        """Join the groups of rows pair by pair, int64 (P,) each."""
        while True:
            a, b = self._root(first), self._root(second)
            low, high = np.minimum(a, b), np.maximum(a, b)
            apart = low < high
            if not apart.any():
                return
            first, second = low[apart], high[apart]
            np.minimum.at(self._parent, second, first)  # a root hangs below the lowest that it meets; the rest follows

    def roots(self) -> np.ndarray:
        """The lowest row of each row's group, int64 (N,)."""
        return self._root(np.arange(len(self._parent)))

    def _root(self, rows: np.ndarray) -> np.ndarray:
        found = self._parent[rows]
        while True:
            above = self._parent[found]
            if np.array_equal(above, found):
                break
            found = above
        self._parent[rows] = found  # the next way is short
        return np.asarray(found)
