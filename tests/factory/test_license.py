from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.license import strictest

KNOWN = ["CC0-1.0", "Apache-2.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "OULU agreement"]


@pytest.mark.parametrize(("i", "j"), [(i, j) for i in range(len(KNOWN)) for j in range(len(KNOWN))])
def test_the_more_restrictive_one_wins_either_way_round(i: int, j: int) -> None:
    assert strictest(KNOWN[i], KNOWN[j]) == KNOWN[max(i, j)]


def test_what_cannot_be_compared_binds_together() -> None:
    assert strictest("OULU agreement", "WMCA agreement") == "OULU agreement AND WMCA agreement"
    assert strictest("MIT", "unknown") == "unknown"


@given(st.sampled_from(KNOWN), st.sampled_from(KNOWN))
def test_order_does_not_matter(first: str, second: str) -> None:
    assert strictest(first, second) == strictest(second, first)
