"""Decimal numbers of other people's tables, and what Python alone takes for one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difffas.errors import UserError
from factory.tables.decimals import decimal


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back_from_its_text(value: float) -> None:
    assert decimal(repr(value)) == value


@pytest.mark.parametrize(
    ("text", "value"), [(" 1.5\t", 1.5), ("+.5", 0.5), ("2.", 2.0), ("1E3", 1000.0), ("1e999", math.inf), ("-0", 0.0)]
)
def test_decimal_numbers_are_read(text: str, value: float) -> None:
    assert decimal(text) == value


@pytest.mark.parametrize("text", ["", " ", ".", "1_000", "0x10", "nan", "inf", "1e", "1.2.3", "１", "١", "1\n", "1 2"])
def test_anything_else_is_refused_and_named(text: str) -> None:
    with pytest.raises(UserError, match="is not a decimal number"):
        decimal(text)
