"""dHash and the search for near pairs, against hand-made images and the comparison of all with all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.audit.hashes import bits_apart, difference_hash, nearest_before, pairs_within, split_masks
from tests.growth import grows_at_most


def planted(count: int, seed: int = 0) -> np.ndarray:
    """Random hashes, half of them a few bits beside another one or equal to it."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, count, dtype=np.uint64)
    for place in range(count // 2, count):
        flips = rng.choice(64, rng.integers(0, 9), replace=False)
        hashes[place] = hashes[rng.integers(0, place)] ^ np.uint64(sum(1 << int(bit) for bit in flips))
    return hashes


def test_a_ramp_is_all_ones_and_a_flat_image_is_zero() -> None:
    ramp = np.broadcast_to(np.arange(72, dtype=np.uint8)[None, :, None], (64, 72, 3))
    flat = np.full((64, 72, 3), 90, np.uint8)
    hashes = difference_hash(np.stack([ramp, ramp[:, ::-1], flat]))
    assert hashes.dtype == np.uint64
    assert hashes.tolist() == [2**64 - 1, 0, 0]


def test_the_highest_bits_are_the_topmost_cells() -> None:
    image = np.full((8, 9, 3), 100, np.uint8)
    image[0, 0] = 50  # rises to its right
    image[7, 7] = 50  # rises to its right at the very end
    assert int(difference_hash(image[None])[0]) == (1 << 63) | 1


@pytest.mark.parametrize("side", [33, 64, 100, 256])
def test_a_hash_hardly_changes_with_scale_brightness_or_grain(side: int) -> None:
    ramp = np.linspace(0, 3 * np.pi, side)
    image = (110 + 50 * np.sin(ramp)[None, :, None] * np.cos(ramp / 2)[:, None, None] + np.zeros((1, 1, 3))).astype(
        np.uint8
    )
    grain = np.random.default_rng(0).normal(20, 2, image.shape)
    first, second = difference_hash(np.stack([image, (image + grain).clip(0, 255).astype(np.uint8)]))
    assert bits_apart(first, second) <= 4


def test_different_faces_are_far_apart() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (12, 6, 6, 3), dtype=np.uint8)
    hashes = difference_hash(coarse.repeat(12, axis=1).repeat(12, axis=2))
    assert bits_apart(hashes[:, None], hashes)[np.triu_indices(12, 1)].min() > 8


@given(st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_no_near_pair_is_missed(radius: int, seed: int) -> None:
    hashes = np.unique(planted(60, seed))
    found = {
        (min(i, j), max(i, j))
        for a, b, distance in pairs_within(hashes, radius)
        for i, j, d in zip(a.tolist(), b.tolist(), distance.tolist(), strict=True)
        if d == int(hashes[i] ^ hashes[j]).bit_count()
    }
    i, j = np.triu_indices(len(hashes), 1)
    near = bits_apart(hashes[i], hashes[j]) <= radius
    assert found == set(zip(i[near].tolist(), j[near].tolist(), strict=True))


@given(st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_the_nearest_before_is_that_of_all_comparisons(radius: int, seed: int) -> None:
    hashes = planted(40, seed)
    places, distances = nearest_before(hashes, radius)
    for place in range(40):
        before = bits_apart(hashes[:place], hashes[place]).astype(int)
        expected = (-1, -1)
        if place and before.min() <= radius:
            expected = (int(before.argmin()), int(before.min()))
        assert (places[place], distances[place]) == expected


def test_of_nothing_nothing_is_near() -> None:
    places, distances = nearest_before(np.empty(0, np.uint64), 2)
    assert len(places) == len(distances) == 0


def test_a_radius_beyond_six_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="radius of 7 bits"):
        next(pairs_within(np.empty(0, np.uint64), 7))


def test_split_masks_join_what_is_near() -> None:
    hashes = np.array([0b1111, 0b1110, 0, 2**63, 2**63], np.uint64)
    masks = split_masks(hashes, np.array([1, 2, 1, 4, 2]), radius=1)
    assert masks.tolist() == [0b011, 0b011, 0b111, 0b111, 0b111]  # 0 is one bit beside 2⁶³
    assert split_masks(hashes, np.array([1, 2, 1, 4, 2]), radius=0).tolist() == [1, 2, 1, 6, 6]


@pytest.mark.slow
def test_the_nearest_of_a_million_hashes_are_found() -> None:
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**64, 1_000_000, dtype=np.uint64)
    copies = rng.choice(1_000_000, 2000, replace=False)
    hashes[copies[1000:]] = hashes[copies[:1000]] ^ (np.uint64(1) << rng.integers(0, 64, 1000).astype(np.uint64))
    places, distances = nearest_before(hashes, 3)
    late = np.maximum(copies[:1000], copies[1000:])
    assert (places[late] == np.minimum(copies[:1000], copies[1000:])).all() and (distances[late] == 1).all()
    assert (places >= 0).sum() == 1000
    grows_at_most(lambda count: nearest_before(hashes[:count], 3), 100_000)  # all with all would be 16
