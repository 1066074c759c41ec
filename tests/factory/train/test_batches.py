from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.corpora import small_rows, write_corpus
from factory.corpus import Corpus
from factory.corpus.row import Row
from factory.train.batches import PixelCache, QualityWeighted, Shuffled, flips, share


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: Any) -> tuple[list[Row], Corpus]:
    rows = small_rows(subjects=4, captures=2)
    return rows, write_corpus(tmp_path_factory.mktemp("batches"), rows)


@given(step=st.integers(0, 10**6), mine=st.integers(1, 8), world=st.integers(1, 8))
def test_workers_share_the_batch_of_one(step: int, mine: int, world: int) -> None:
    whole = share(step, mine * world, 0, 1)
    parts = np.concatenate([share(step, mine * world, rank, world) for rank in range(world)])
    assert np.array_equal(whole, parts)
    assert np.array_equal(share(step + 1, mine * world, 0, 1), whole + mine * world)


def test_indivisible_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_size 10 does not divide among 4 workers"):
        share(0, 10, 0, 4)


@given(size=st.integers(1, 50), seed=st.integers(0, 5))
def test_every_pass_shows_every_row_once_in_a_new_order(size: int, seed: int) -> None:
    positions = np.arange(100, 100 + size)
    plan = Shuffled(positions, seed)
    drawn = plan(np.arange(3 * size)).reshape(3, size)
    for epoch in drawn:
        assert sorted(epoch) == list(positions)
    assert np.array_equal(plan(np.array([size])), drawn[1, :1])
    if size > 8:
        assert not np.array_equal(drawn[0], drawn[1])


def test_cache_returns_what_the_corpus_holds_however_small_it_is(corpus: tuple[list[Row], Corpus]) -> None:
    for gibibytes in (0.0, 5000 / 2**30, 1.0):
        cache = PixelCache(corpus[1], gibibytes)
        for positions in (np.array([3, 1, 3]), np.array([1, 7]), np.array([3])):
            assert np.array_equal(cache(positions), corpus[1].pixels(positions))


def test_half_are_mirrored() -> None:
    assert 0.45 < flips(np.arange(4000), 1).mean() < 0.55


@settings(deadline=None)
@given(good=st.integers(1, 12), rest=st.integers(1, 12), weight=st.integers(1, 4), seed=st.integers(0, 3))
def test_weighted_samples_keep_their_ratio_and_show_every_row(good: int, rest: int, weight: int, seed: int) -> None:
    positions = np.arange(100, 100 + good + rest)
    scores = np.where(np.arange(good + rest) < good, 10.0, 50.0)
    plan = QualityWeighted(positions, scores, weight, seed)
    turns = good * rest
    drawn = plan(np.arange(turns * (weight + 1)))
    of_rest = drawn.reshape(turns, weight + 1) >= 100 + good
    assert (of_rest.sum(axis=1) == 1).all()
    _, counts = np.unique(drawn, return_counts=True)
    assert counts.tolist() == [rest * weight] * good + [good] * rest  # whole passes of both kinds
    assert np.array_equal(plan(np.arange(7, 20)), np.concatenate([plan(np.array([n])) for n in range(7, 20)]))
    many = plan(np.arange(1000 * (weight + 1))).reshape(1000, weight + 1) >= 100 + good
    shares = many.mean(axis=0)  # of the rest, by place within a turn: the same at each, to six standard deviations
    assert abs(shares - 1 / (weight + 1)).max() < 0.1


def test_high_quality_and_rest_are_shuffled_apart() -> None:
    plan = QualityWeighted(np.arange(40), np.repeat([10.0, 50.0], 20), 1, seed=0)
    turns = np.sort(plan(np.arange(80)).reshape(40, 2), axis=1)  # one of each kind
    assert len({(a, b) for a, b in turns.tolist()}) > 35  # 20 if both went in one order


def test_rows_without_a_score_are_of_the_rest() -> None:
    scores = np.array([10.0, np.nan, 30.0, np.inf, 20.0])  # mean 20, which is not below itself
    drawn = QualityWeighted(np.arange(5), scores, 4, seed=0)(np.arange(100))
    values, counts = np.unique(drawn, return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {0: 80, 1: 5, 2: 5, 3: 5, 4: 5}


@pytest.mark.parametrize("scores", [[np.nan] * 3, [0.1] * 3, [5.0], [np.inf, np.nan]])
def test_scores_that_tell_nothing_apart_are_refused(scores: list[float]) -> None:
    with pytest.raises(ValueError, match=f"needs BRISQUE scores that differ.* of {len(scores)} rows"):
        QualityWeighted(np.arange(len(scores)), np.array(scores), 2, seed=0)
