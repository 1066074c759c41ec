"""A text column of an index as integer codes into its few distinct values: cheap to compare at 10 M lines."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
import pyarrow as pa


class TextColumn:
    """One text column of an Arrow table.

    Attributes:
        values: the distinct values.
        codes: int32, one per line: the place in `values`; −1 for a missing value.
    """

    def __init__(self, table: pa.Table, name: str, keep: np.ndarray | None = None) -> None:
        encoded = table[name].combine_chunks().dictionary_encode()
        self.values: list[str] = list(encoded.dictionary.to_pylist())
        codes: np.ndarray = encoded.indices.fill_null(-1).to_numpy()
        self.codes = codes if keep is None else codes[keep]

    def among(self, wanted: Container[str]) -> np.ndarray:
        """Return which lines hold one of the wanted values, bool (N,)."""
        mask: np.ndarray = np.array([*(value in wanted for value in self.values), False])[self.codes]
        return mask

    def __getitem__(self, line: int) -> str:
        return str(self.values[self.codes[line]])

    def present(self, lines: np.ndarray | None = None) -> list[str]:
        """Return the sorted distinct values that occur in `lines`, by default in all lines."""
        codes = self.codes if lines is None else self.codes[lines]
        return sorted(self.values[code] for code in np.unique(codes) if code >= 0)
