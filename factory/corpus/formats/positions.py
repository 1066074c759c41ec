"""Which rows of a shard are asked for: an index says it, which may be another's."""

from __future__ import annotations

from collections.abc import Sequence

from difffas.errors import UserError


def check_positions(positions: Sequence[int], rows: int) -> None:
    """Raise ValueError unless all positions are of a shard of so many rows."""
    if len(positions) and not 0 <= min(positions) <= max(positions) < rows:
        place = next(position for position in positions if not 0 <= position < rows)
        raise UserError(
            f"row {place} is asked for of a shard of {rows}: its index is of another corpus, write it again"
        )
