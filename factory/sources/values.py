"""Column values as text, whatever a table or JSON writes them as."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping

from difffas.errors import UserError

# What a column can say of an image, besides `image` itself.
FIELDS = ("label", "attack", "domain", "subject", "split", "capture", "key", "license")


def text_of(value: object) -> str | None:
    """A cell as text: true is 1, 3.0 is 3 (tables with gaps hold whole numbers so), nothing and blanks are None.

    Raises:
        ValueError: on anything but text, a number and nothing, and on text that is no Unicode.
    """
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return None if math.isnan(value) else str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, int):
        return str(value)
    if value is None or isinstance(value, str):
        text = (value or "").strip()
        text.encode()  # JSON can say half a surrogate pair, which no corpus can hold; the error is a ValueError
        return text or None
    raise UserError(f"{type(value).__name__} is neither text nor a number")


def chosen_columns(where: str, present: Container[str], columns: Mapping[str, str | None]) -> dict[str, str]:
    """The column of each field that has one: as `columns` says, else the column of the field's name if it is there.

    Raises:
        ValueError: if a column that `columns` names is not there.
    """
    chosen = {}
    for field in FIELDS:
        column = columns.get(field, field)
        if column is not None and column in present:
            chosen[field] = column
        elif field in columns and column is not None:
            raise UserError(f"{where} has no column {column!r}: mend columns.{field}")
    return chosen
