"""Makes the cells of our CSV files safe: a spreadsheet that opens the file finds no formula.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and a formula may fetch an address or
start a program. Names come from strangers' data, so such a text gets a leading apostrophe, which spreadsheets read as
"this is text"; our readers remove it again. Numbers stay numbers, also negative ones.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Full-width and other forms count, since spreadsheets in some languages accept them; leading blanks are skipped.
_FORMULA = re.compile(r"'*(\s*[=+\-@＝＋－＠﹢﹣﹦﹫−]|\s*[\t\r\n])")
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|nan)", re.IGNORECASE | re.ASCII)


def safe(cell: Any) -> Any:
    """Return a cell as written: a text that a spreadsheet would compute gets an apostrophe, all else stays."""
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def table(lines: Iterable[Iterable[Any]]) -> str:
    """Return a CSV of these lines, with every cell made `safe`; lines end in a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    quoting = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)  # a bare carriage return ends a line, too
    for line in lines:
        cells = [safe(cell) for cell in line]
        (quoting if any("\r" in cell for cell in cells if isinstance(cell, str)) else writer).writerow(cells)
    return text.getvalue()


def table_of(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return a CSV, as `table` does, of lines given as mappings; the columns are those of the first line."""
    columns = list(lines[0])
    return table([columns, *([line[column] for column in columns] for line in lines)])


def plain(cell: str) -> str:
    """Return the cell as it was before `safe`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
