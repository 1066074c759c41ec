"""Every format keeps every row."""

from __future__ import annotations

import io

import pytest

from benchmarks.corpora import row
from factory.corpus.row import FACTS
from factory.corpus.shards import FORMATS

ROWS = [row(i, brisque=i / 3, t0=100 + i, seed=2**62 + i, license="cc-by-4.0") for i in range(230)]


@pytest.mark.parametrize("name", FORMATS)
def test_rows_come_back_equal(name: str) -> None:
    data = FORMATS[name].to_bytes(ROWS)
    assert FORMATS[name].read(io.BytesIO(data)) == ROWS
    assert FORMATS[name].read(io.BytesIO(data), [229, 0, 105]) == [ROWS[229], ROWS[0], ROWS[105]]
    facts = FORMATS[name].read_facts(io.BytesIO(data))
    assert facts.column_names == list(FACTS)
    assert facts.to_pylist() == [row.facts() for row in ROWS]


@pytest.mark.parametrize("name", FORMATS)
def test_a_shard_may_be_empty(name: str) -> None:
    assert FORMATS[name].read(io.BytesIO(FORMATS[name].to_bytes([]))) == []
