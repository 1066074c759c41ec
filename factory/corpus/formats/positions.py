"""Checks which rows of a shard are requested: the positions come from an index, which may be foreign."""

from __future__ import annotations

from collections.abc import Sequence

from difffas.errors import UserError


def check_positions(positions: Sequence[int], rows: int) -> None:
    """Raise UserError unless all positions lie within a shard with this number of rows."""
    if len(positions) and not 0 <= min(positions) <= max(positions) < rows:
        place = next(position for position in positions if not 0 <= position < rows)
        raise UserError(
            f"row {place} does not exist in a shard of {rows} rows: its index is of another corpus, write it again"
        )
