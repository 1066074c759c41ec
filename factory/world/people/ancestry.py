"""Sex and ancestry as the targets, skin and hair take them."""

from __future__ import annotations

from typing import Literal, NamedTuple

Sex = Literal["female", "male"]


class Ancestry(NamedTuple):
    """Shares that sum to one; the names are those of MakeHuman's targets."""

    african: float
    asian: float
    caucasian: float
