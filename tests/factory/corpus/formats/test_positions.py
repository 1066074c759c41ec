from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from factory.corpus.formats.positions import check_positions


@pytest.mark.parametrize("of", [list, np.array])
def test_rows_that_a_shard_has_not_are_refused(of: Any) -> None:
    """Positions come as lists, and as arrays where they are columns of an index."""
    check_positions(of([]), 3)
    check_positions(of([2, 0, 1]), 3)
    for bad in ([0, 3], [-1, 2]):
        with pytest.raises(ValueError, match="does not exist in a shard of 3 rows: its index is of another corpus"):
            check_positions(of(bad), 3)
