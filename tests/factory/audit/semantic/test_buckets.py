"""Buckets depend on the set of rows alone; tiles compare every pair that shares a bucket, and each once in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.audit.semantic.buckets import draw, fit, members, nearest, pieces, tiles
from factory.audit.semantic.vectors import whole


@given(st.lists(st.text(max_size=5), unique=True), st.integers(0, 3), st.integers(0, 10), st.randoms())
def test_the_same_names_are_drawn_wherever_they_stand(names: list[str], seed: int, most: int, random: object) -> None:
    drawn = [names[place] for place in draw(names, seed, most)]
    other = sorted(names)
    assert [other[place] for place in draw(other, seed, most)] == drawn
    assert len(drawn) == min(most, len(names)) == len(set(drawn))


def test_draws_are_golden_and_the_seed_counts() -> None:
    names = [f"0/row-{number:04d}" for number in range(1000)]
    assert draw(names, 0, 5).tolist() == [795, 713, 820, 869, 799]
    assert draw(names, 1, 5).tolist() != draw(names, 0, 5).tolist()


def clusters(rows: int = 400, centres: int = 8, width: int = 32, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    middle = rng.normal(size=(centres, width))
    return whole(middle[rng.integers(0, centres, rows)] + 0.2 * rng.normal(size=(rows, width)))


def test_centroids_find_what_is_clustered_and_do_not_depend_on_the_order() -> None:
    rows = clusters()
    first = [int(np.flatnonzero(home)[0]) for home in _separate(rows)]
    sample = np.concatenate([rows[first], np.delete(rows, first, axis=0)])
    centroids = fit(sample, 8)
    shuffled = np.concatenate([sample[:8], np.random.default_rng(1).permutation(sample[8:])])
    assert np.array_equal(fit(shuffled, 8), centroids)
    home = nearest(rows, centroids, 1)[:, 0]
    cosine = (rows.astype(float) * centroids[home]).sum(1) / 4000**2
    assert cosine.min() > 0.9 and len(np.unique(home)) == 8


def _separate(rows: np.ndarray) -> list[np.ndarray]:
    left, found = np.ones(len(rows), dtype=bool), []
    while left.any():
        one = rows[np.flatnonzero(left)[0]].astype(float)
        found.append(left & (rows @ one > 0.5 * one @ one))
        left &= ~found[-1]
    return found


def test_equal_rows_are_one_centroid_and_equal_products_go_to_the_first() -> None:
    one, other = whole(np.array([[1.0, 0.0]])), whole(np.array([[0.0, 1.0]]))
    assert len(fit(np.repeat(one, 9, axis=0), 4)) == 1
    assert nearest(one, np.concatenate([other, one, one]), 3).tolist() == [[1, 2, 0]]
    assert nearest(one, one, 4).tolist() == [[0]]


@given(
    rows=st.integers(1, 40),
    buckets=st.integers(1, 6),
    probes=st.integers(1, 3),
    most=st.integers(2, 30),
    seed=st.integers(0, 99),
)
def test_tiles_compare_each_pair_once_in_every_bucket(
    rows: int, buckets: int, probes: int, most: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    found = np.stack([rng.permutation(buckets)[: min(probes, buckets)] for _ in range(rows)]).astype(np.int32)
    ours = members(found, buckets)
    met: list[tuple[int, int]] = []
    planned = tiles(ours, most)
    for tile in planned:
        held = 0
        for piece in pieces(ours, tile):
            held += len(piece.rows)
            for i in range(len(piece.rows)):
                for j in range(i + 1, len(piece.rows)):
                    across = piece.split is None or i < piece.split <= j
                    if across and (piece.home[i] or piece.home[j]):
                        met.append((min(piece.rows[[i, j]]), max(piece.rows[[i, j]])))
        assert held <= most + 1
    wanted = [
        (a, b)
        for a in range(rows)
        for b in range(a + 1, rows)
        for bucket in range(buckets)
        if bucket in found[a] and bucket in found[b] and (found[a, 0] == bucket or found[b, 0] == bucket)
    ]
    assert sorted(met) == sorted(wanted)


def test_a_bucket_larger_than_memory_is_cut() -> None:
    ours = members(np.zeros((100, 1), np.int32), 1)
    assert [tile[2:] for tile in tiles(ours, 60)] == [(a, b, 4) for a in range(4) for b in range(a, 4)]
    with pytest.raises(StopIteration):
        next(pieces(members(np.zeros((1, 1), np.int32), 1), tiles(members(np.zeros((1, 1), np.int32), 1), 9)[0]))
