"""Groups are the connected components of the pairs, and their roots the lowest rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from factory.audit.semantic.groups import Groups


@given(
    st.integers(1, 30).flatmap(
        lambda rows: st.tuples(
            st.just(rows),
            st.lists(st.lists(st.tuples(st.integers(0, rows - 1), st.integers(0, rows - 1)), max_size=20), max_size=4),
        )
    )
)
def test_groups_are_connected_components(given: tuple[int, list[list[tuple[int, int]]]]) -> None:
    rows, batches = given
    groups = Groups(rows)
    for batch in batches:
        first, second = np.array(batch, np.int64).reshape(-1, 2).T
        groups.join(first, second)
    a, b = np.array([pair for batch in batches for pair in batch], np.int64).reshape(-1, 2).T
    _, label = connected_components(coo_array((np.ones(len(a)), (a, b)), (rows, rows)), directed=False)
    lowest = np.array([np.flatnonzero(label == one)[0] for one in label])
    assert np.array_equal(groups.roots(), lowest)


def test_a_long_chain_is_one_group() -> None:
    groups = Groups(5000)
    groups.join(np.arange(4999), np.arange(1, 5000))
    assert not groups.roots().any()
