"""Reads numbers in other people's tables: decimal numbers only, not everything that Python takes for a number."""

from __future__ import annotations

import re

from difffas.errors import UserError

_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def decimal(text: str) -> float:
    """Return a decimal number; spaces and tabs around it are allowed; infinity if it is beyond the range of a float.

    Raises:
        UserError: on anything else, such as 1_000, 0x10, nan, or digits of other scripts.
    """
    if not _DECIMAL.fullmatch(text.strip(" \t")):
        raise UserError(f"{text!r} is not a decimal number")
    return float(text)
