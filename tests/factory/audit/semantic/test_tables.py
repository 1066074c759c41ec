"""Vectors are gathered in the order asked for, from the tables that hold them alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from factory.audit.semantic.tables import VectorTables
from factory.audit.semantic.vectors import whole
from tests.factory.audit.semantic.made import planted, write_rows


def test_rows_are_gathered_in_the_order_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, styles, kinds, keys = planted(rows=50)
    tables = write_rows(tmp_path, vectors, styles, kinds, keys, per_table=7).tables
    stored = np.concatenate([tables.read(table) for table in range(len(tables.names))])
    assert np.array_equal(stored, whole(vectors)) and tables.rows == 50
    read: list[int] = []
    plain = VectorTables.read
    monkeypatch.setattr(VectorTables, "read", lambda self, table: read.append(table) or plain(self, table))  # type: ignore[func-returns-value]
    wanted = np.array([49, 3, 3, 8, 0])
    assert np.array_equal(tables.gather(wanted), stored[wanted])
    assert read == [0, 1, 7]
    assert not len(tables.gather(np.empty(0, np.int64)))


def test_runs_are_all_tables_in_a_row() -> None:
    tables = VectorTables("", ["a", "b", "c", "d"], np.array([0, 3, 5, 9, 10]))
    assert tables.runs(4) == {"000000": (0, 2), "000001": (2, 3), "000002": (3, 4)}
    assert tables.runs(99) == {"000000": (0, 4)}
