"""Products of whole vectors have no error, whatever the order; directions keep their cosines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.audit.semantic.vectors import (
    MOST_NUMBERS,
    SCALE,
    from_bytes,
    limit_of,
    mean_directions,
    parts_apart,
    products,
    squares,
    to_bytes,
    whole,
)


@given(seed=st.integers(0, 1000), width=st.sampled_from([1, 3, 128, 512, MOST_NUMBERS]), share=st.floats(0, 1))
def test_products_are_those_of_whole_numbers(seed: int, width: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(5, width)) * rng.lognormal(0, 3, (5, width))
    near = share * one + (1 - share) * rng.normal(size=(5, width))
    a, b = whole(one), whole(near)
    exact = a.astype(np.int64) @ b.astype(np.int64).T
    assert np.abs(exact).max() < 2**24
    assert np.array_equal(products(a, b), exact)
    assert np.array_equal(squares(a), np.diag(a.astype(np.int64) @ a.astype(np.int64).T))


def test_the_longest_vectors_still_fit() -> None:
    even = whole(np.ones((1, MOST_NUMBERS)) * (62.5 / SCALE))  # rounded up everywhere
    assert products(even, even)[0, 0] == int(squares(even)[0]) < 2**24


def test_a_cosine_moves_by_a_ten_thousandth() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=(200, 128))
    other = one + 0.3 * rng.normal(size=(200, 128))
    exact = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    a, b = whole(1e200 * one), whole(1e-200 * other)
    apart = parts_apart(np.diag(products(a, b)), squares(a), squares(b))
    assert np.abs(1 - apart / 1e6 - exact).max() < 5e-4
    assert limit_of(0.95) == 50_000


def test_zeros_stay_and_what_is_no_number_is_refused() -> None:
    assert not whole(np.zeros((2, 3))).any()
    with pytest.raises(ValueError, match="embedding 1 of 2 has a number that is not finite"):
        whole(np.array([[1.0, 2.0], [np.nan, 1.0]]))
    with pytest.raises(ValueError, match=r"shape \(1, 5000\): give 1 to 4,096 numbers"):
        whole(np.zeros((1, 5000)))


@given(seed=st.integers(0, 1000))
def test_mean_directions_do_not_depend_on_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, place = whole(rng.normal(size=(40, 16))), rng.integers(0, 5, 40)
    found = mean_directions(vectors, place, 6)
    order = rng.permutation(40)
    assert np.array_equal(mean_directions(vectors[order], place[order], 6), found)
    assert not found[5].any()
    mean = np.stack([vectors[place == one].sum(0) for one in np.unique(place)]).astype(float)
    assert np.abs(found[np.unique(place)] - SCALE * mean / np.linalg.norm(mean, axis=1, keepdims=True)).max() < 2


def test_bytes_and_back() -> None:
    vectors = whole(np.random.default_rng(1).normal(size=(3, 7)))
    assert np.array_equal(from_bytes(to_bytes(vectors), 3), vectors)
    assert to_bytes(np.array([[1, 256]], np.int16)) == b"\x01\x00\x00\x01"
