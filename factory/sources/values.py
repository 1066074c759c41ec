"""Converts column values to text, however a table or JSON writes them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from difffas.errors import UserError

# Facts about an image that a column can hold, besides `image` itself.
FIELDS = ("label", "attack", "domain", "subject", "split", "capture", "sitting", "key", "license")


def text_of(value: object) -> str | None:
    """Return a cell as text: true is 1, 3.0 is 3 (tables with gaps store whole numbers so), empty cells are None.

    Raises:
        UserError: on anything but text, a number or an empty cell.
        UnicodeEncodeError: a ValueError, on text that is invalid Unicode.
    """
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return None if math.isnan(value) else str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, int):
        return str(value)
    if value is None or isinstance(value, str):
        text = (value or "").strip()
        text.encode()  # JSON may hold half a surrogate pair, which no corpus can hold; the error is a ValueError
        return text or None
    raise UserError(f"{type(value).__name__} is neither text nor a number")


def chosen_columns(where: str, present: Collection[str], columns: Mapping[str, str | None]) -> dict[str, str]:
    """Return the column of each field that has one: from `columns`, or else the column with the field's name.

    `columns` may name further fields besides `FIELDS`.

    Raises:
        UserError: if a column that `columns` names is missing.
    """
    chosen = {}
    for field in (*FIELDS, *sorted(columns.keys() - {*FIELDS, "image"})):
        column = columns.get(field, field)
        if column is not None and column in present:
            chosen[field] = column
        elif field in columns and column is not None:
            known = "" if field in FIELDS else f", only {', '.join(sorted(present))}"
            raise UserError(f"{where} has no column {column!r}{known}: mend columns.{field}")
    return chosen
