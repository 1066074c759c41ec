from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.corpus.license import strictest, strictest_of

KNOWN = ["CC0-1.0", "Apache-2.0", "CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "OULU agreement"]


@pytest.mark.parametrize(("i", "j"), [(i, j) for i in range(len(KNOWN)) for j in range(len(KNOWN))])
def test_the_more_restrictive_one_wins_either_way_round(i: int, j: int) -> None:
    assert strictest(KNOWN[i], KNOWN[j]) == KNOWN[max(i, j)]


def test_what_cannot_be_compared_binds_together() -> None:
    assert strictest("OULU agreement", "WMCA agreement") == "OULU agreement AND WMCA agreement"
    assert strictest("MIT", "unknown") == "unknown"
    assert strictest("CC-BY-SA-4.0", "CC-BY-NC-4.0") == "CC-BY-NC-4.0 AND CC-BY-SA-4.0"
    assert strictest("CC-BY-ND-4.0", "CC-BY-NC-SA-4.0") == "CC-BY-NC-SA-4.0 AND CC-BY-ND-4.0"


def test_a_name_counts_once_however_it_is_written() -> None:
    assert strictest("OULU agreement AND WMCA agreement", "WMCA agreement") == "OULU agreement AND WMCA agreement"
    assert strictest("cc0-1.0", "CC0-1.0") in ("cc0-1.0", "CC0-1.0")


@pytest.mark.parametrize(
    "name", ["unlicensed", "MITRE agreement", "MIT for the code", "CC-BY-4.0 for research", "bsds500"]
)
def test_a_name_that_only_begins_as_a_free_licence_is_its_own(name: str) -> None:
    assert strictest(name, "CC-BY-NC-4.0") == name


@pytest.mark.parametrize(
    "name", ["mit", "MIT License", "BSD-3-Clause", "Apache License 2.0", "CC0 1.0 Universal", "ISC"]
)
def test_a_free_licence_is_known_with_its_version(name: str) -> None:
    assert strictest(name, "CC-BY-4.0") == "CC-BY-4.0"


@given(st.lists(st.sampled_from([*KNOWN, "CC-BY-SA-4.0", "WMCA agreement"]), min_size=1))
def test_neither_order_nor_grouping_matters(names: list[str]) -> None:
    one_by_one = functools.reduce(strictest, names)
    assert strictest_of(names) == strictest_of(reversed(names)) == one_by_one
