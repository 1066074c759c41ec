"""Lists and boxes of data sets: numbers are decimal, a column is there once."""

from __future__ import annotations

import pytest

from factory.datasets.boxes import row
from factory.datasets.tree import table


@pytest.mark.parametrize("number", ["1_0", "0x10", "\u0661", "nan", "inf", "1j"])
def test_a_box_of_no_decimal_numbers_is_broken(number: str) -> None:
    assert row("1 2 3 4 5", 1, 4) == [2, 3, 4, 5]
    with pytest.raises(ValueError, match="broken box file"):
        row(f"1 2 3 4 {number}", 1, 4)
    with pytest.raises(ValueError, match="broken box file"):
        row(f"{number}, 2, 3, 4, 5", 1, 4, ",")


def test_a_list_with_a_column_twice_is_refused() -> None:
    assert table("list.csv", "name,split\na,train", "name", "split") == [{"name": "a", "split": "train"}]
    with pytest.raises(ValueError, match=r"list\.csv has two columns split"):
        table("list.csv", "name,split,split\na,train,test", "name", "split")
