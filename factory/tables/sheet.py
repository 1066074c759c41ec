"""Cells of the CSV files that we write: opened in a spreadsheet, none of them is a formula.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and a formula may fetch an address or
start a program. Names come from data of strangers, so such a text gets an apostrophe before it, which spreadsheets
take for "this is text"; our readers take it off again. Numbers stay numbers, negative ones, too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Full-width and other forms count, since spreadsheets of some languages take them, and blanks before it do not.
_FORMULA = re.compile(r"'*(\s*[=+\-@＝＋－＠﹢﹣﹦﹫−]|\s*[\t\r\n])")
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|nan)", re.IGNORECASE | re.ASCII)


def safe(cell: Any) -> Any:
    """A cell as it is written: a text that a spreadsheet would compute gets an apostrophe, all else stays."""
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def table(lines: Iterable[Iterable[Any]]) -> str:
    """The text of a CSV of these lines, each cell of it `safe`; lines end in a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    quoting = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)  # a bare carriage return ends a line, too
    for line in lines:
        cells = [safe(cell) for cell in line]
        (quoting if any("\r" in cell for cell in cells if isinstance(cell, str)) else writer).writerow(cells)
    return text.getvalue()


def table_of(lines: Sequence[Mapping[str, Any]]) -> str:
    """The same of lines by column, with the columns of the first."""
    columns = list(lines[0])
    return table([columns, *([line[column] for column in columns] for line in lines)])


def plain(cell: str) -> str:
    """A cell as it was before `safe`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
