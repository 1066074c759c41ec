"""Cells of tables and JSON as text, and the columns that hold the facts of a row."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difffas.errors import UserError
from factory.sources.values import FIELDS, chosen_columns, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "1"), (False, "0"), (7, "7"), (3.0, "3"), (2.5, "2.5"), (-0.0, "0"), (math.nan, None)]
    + [(None, None), ("", None), (" \t", None), (" cam \n", "cam"), ("3.0", "3.0")],
)
def test_cells_are_text_whatever_a_table_made_of_them(value: object, text: str | None) -> None:
    assert text_of(value) == text


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_the_same_in_a_column_with_gaps(number: int) -> None:
    assert text_of(float(number)) == text_of(number)


@pytest.mark.parametrize("value", [[1], {"a": 1}, b"x"])
def test_other_cells_are_refused(value: object) -> None:
    with pytest.raises(UserError, match="is neither text nor a number"):
        text_of(value)
    with pytest.raises(UnicodeEncodeError):
        text_of("\ud800")


def test_columns_are_those_that_are_named_or_have_the_field_s_name() -> None:
    present = ["label", "person", "attack", "other"]
    assert chosen_columns("a.parquet", present, {}) == {"label": "label", "attack": "attack"}
    found = chosen_columns("a.parquet", present, {"subject": "person", "attack": None})
    assert found == {"label": "label", "subject": "person"}
    assert set(chosen_columns("a", FIELDS, {})) == set(FIELDS)
    with pytest.raises(UserError, match=r"a.parquet has no column 'id': mend columns.subject"):
        chosen_columns("a.parquet", present, {"subject": "id"})
