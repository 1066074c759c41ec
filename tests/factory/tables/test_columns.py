"""A text column as codes says what the column itself says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from factory.tables.columns import TextColumn

CELLS = st.lists(st.sampled_from(["a", "b", "ä", "", None]), max_size=30)


@given(CELLS, st.sets(st.sampled_from(["a", "b", "", "absent"])), st.integers(1, 5))
def test_codes_stand_for_the_cells(cells: list[str | None], wanted: set[str], chunks: int) -> None:
    parts = [cells[first::chunks] for first in range(chunks)]
    cells = [cell for part in parts for cell in part]
    column = TextColumn(pa.table({"c": pa.chunked_array(parts, pa.string())}), "c")
    assert [None if code < 0 else column.values[code] for code in column.codes] == cells
    assert len(set(column.values)) == len(column.values)
    assert column.among(wanted).tolist() == [cell in wanted for cell in cells]
    assert column.present() == sorted({cell for cell in cells if cell is not None})
    half = np.arange(0, len(cells), 2)
    assert column.present(half) == sorted({cell for cell in cells[::2] if cell is not None})
    assert all(column[line] == cell for line, cell in enumerate(cells) if cell is not None)


def test_lines_that_are_kept_have_their_codes() -> None:
    table = pa.table({"c": ["x", "y", "x", None]})
    kept = TextColumn(table, "c", np.array([3, 2]))
    assert kept.codes.tolist() == [-1, 0] and kept.present() == ["x"]
    assert TextColumn(table, "c", np.array([False, True, True, False])).present() == ["x", "y"]
