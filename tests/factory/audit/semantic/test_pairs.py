"""Planted pairs of known angles are found, and none else; a comparison in parts finds the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from factory.audit.semantic import pairs
from factory.audit.semantic.pairs import CONTROL, GENERATED, TRAINING, Rows, compare
from factory.audit.semantic.vectors import limit_of, whole


def at(degrees: list[float]) -> np.ndarray:
    """Vectors in a plane, at these angles."""
    angle = np.radians(degrees)
    return whole(np.stack([np.cos(angle), np.sin(angle)], axis=1))


def rows(vectors: np.ndarray, **given: list[int]) -> Rows:
    count = len(vectors)
    facts = {
        "rank": list(range(count)),
        "style": [0] * count,
        "kind": [GENERATED] * count,
        "home": [1] * count,
    } | given
    rank, style, kind, home = (np.array(facts[name]) for name in ("rank", "style", "kind", "home"))
    return Rows(vectors, rank, style, kind, home > 0)


def test_pairs_of_known_angles() -> None:
    # cos 10° = 0.9848, cos 20° = 0.9397
    near = compare(rows(at([0, 10, 90, 20, 270, 91])), limit_of(0.95))
    assert near.duplicate.tolist() == [-1, 0, -1, 1, -1, 2]
    assert near.duplicate_parts.tolist() == [-1, 15211, -1, 15166, -1, 153]  # unrounded 15192 and 152
    assert near.root.tolist() == [0, 0, 2, 0, 4, 2], "0° and 20° hang together by 10°"
    assert (near.copied == -1).all()


def test_the_row_whose_key_is_smaller_is_never_a_duplicate() -> None:
    near = compare(rows(at([0, 10, 20]), rank=[2, 0, 1]), limit_of(0.95))
    assert near.duplicate.tolist() == [0, -1, 0]
    equal = compare(rows(at([0, 5, -5, 5]), rank=[9, 4, 3, 7]), limit_of(0.95))
    assert equal.duplicate.tolist() == [3, 3, -1, 4], "of equally near ones the first; then the nearest"


def test_styles_are_apart_and_training_spoofs_are_of_any() -> None:
    facts = {"style": [0, 1, 1, 0, 0], "kind": [GENERATED, GENERATED, TRAINING, CONTROL, TRAINING]}
    near = compare(rows(at([0, 1, 2, 3, 90]), **facts), limit_of(0.95))
    assert near.duplicate.tolist() == [-1] * 5
    assert near.copied.tolist() == [2, 2, -1, 2, -1]
    assert near.root.tolist() == [0, 1, 2, 3, 4]


def test_visitors_are_not_compared_with_one_another_and_zeros_with_nothing() -> None:
    near = compare(rows(at([0, 1, 2]), home=[1, 0, 0]), limit_of(0.95))
    assert near.duplicate.tolist() == [-1, 0, 0]
    assert compare(rows(at([0, 1]), home=[0, 0]), limit_of(0.95)).duplicate.tolist() == [-1, -1]
    assert compare(rows(np.zeros((3, 2), np.int16)), limit_of(0.5)).duplicate.tolist() == [-1] * 3


@given(seed=st.integers(0, 500), split=st.integers(1, 29), block=st.sampled_from([1, 7, 64]))
def test_parts_and_blocks_find_what_all_with_all_finds(seed: int, split: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = whole(rng.normal(size=(6, 3))[rng.integers(0, 6, 30)] + 0.3 * rng.normal(size=(30, 3)))
    facts = {
        "rank": rng.permutation(30).tolist(),
        "style": rng.integers(0, 2, 30).tolist(),
        "kind": rng.integers(0, 3, 30).tolist(),
    }
    whole_rows, limit = rows(vectors, **facts), limit_of(0.9)
    size, pairs._BLOCK = pairs._BLOCK, block
    try:
        found = compare(whole_rows, limit)
        parts = [
            compare(whole_rows[np.arange(split)], limit),
            compare(whole_rows[np.arange(split, 30)], limit),
            compare(whole_rows, limit, split),
        ]
    finally:
        pairs._BLOCK = size
    numbers = vectors.astype(float)
    cosine = numbers @ numbers.T / np.outer(*[np.linalg.norm(numbers, axis=1)] * 2)
    apart = np.rint((1 - cosine) * 1e6)
    rank, style, kind = (np.array(facts[name]) for name in ("rank", "style", "kind"))
    for row in range(30):
        earlier = (kind == GENERATED) & (style == style[row]) & (rank < rank[row]) & (apart[row] <= limit)
        best = min(((apart[row, other], rank[other]) for other in np.flatnonzero(earlier)), default=(-1, -1))
        wanted = best if kind[row] == GENERATED else (-1, -1)
        assert (found.duplicate_parts[row], found.duplicate[row]) == wanted
        seen = (kind == TRAINING) & (apart[row] <= limit) & (kind[row] != TRAINING)
        best = min(((apart[row, other], rank[other]) for other in np.flatnonzero(seen)), default=(-1, -1))
        assert (found.copied_parts[row], found.copied[row]) == best
        near = [
            part
            for part, rows_of in zip(parts, (range(split), range(split, 30), range(30)), strict=True)
            if row in rows_of
        ]
        places = [row if len(part.duplicate) == 30 else row - (split if row >= split else 0) for part in near]
        told = [(part.duplicate_parts[p], part.duplicate[p]) for part, p in zip(near, places, strict=True)]
        assert min((one for one in told if one[1] >= 0), default=(-1, -1)) == wanted
