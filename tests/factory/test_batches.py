from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.batches import Pairs, PixelCache, Shuffled, flips, share
from factory.corpus import Corpus
from factory.row import LIVE, SPOOF, Row
from tests.corpora import small_rows, write_corpus


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


def test_pairs_are_one_person_in_one_scene_and_guides_another_of_the_style(corpus: tuple[list[Row], Corpus]) -> None:
    rows, opened = corpus
    live, spoof, guide = Pairs(opened, "train", seed=3)(np.arange(400))
    for a, b, c in zip(live, spoof, guide, strict=True):
        face, attack, shown = rows[a], rows[b], rows[c]
        assert (face.label, attack.label, shown.label) == (LIVE, SPOOF, SPOOF)
        assert (face.domain, face.subject, face.capture) == (attack.domain, attack.subject, attack.capture)
        assert shown.style == attack.style
        assert shown.subject != attack.subject
    assert set(spoof) == {i for i, row in enumerate(rows) if row.label == SPOOF}


def test_pairs_do_not_depend_on_how_they_are_asked_for(corpus: tuple[list[Row], Corpus]) -> None:
    pairs = Pairs(corpus[1], "train", seed=3)
    whole = pairs(np.arange(40))
    for kind in range(3):
        assert np.array_equal(whole[kind], np.concatenate([pairs(np.arange(i, i + 8))[kind] for i in range(0, 40, 8)]))


def test_a_lone_subject_guides_itself_with_another_image(tmp_path: Path) -> None:
    rows = small_rows(subjects=1, captures=3, domains=("cam",))
    _, spoof, guide = Pairs(write_corpus(tmp_path, rows), "train", seed=0)(np.arange(50))
    assert (spoof != guide).all()


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (lambda row: row.label == SPOOF, "no .live, spoof. pair"),
        (lambda row: row.key in ("row-0000", "row-0002"), "single"),
    ],
)
def test_corpora_that_cannot_teach_are_refused(tmp_path: Path, keep: Any, message: str) -> None:
    rows = [row for row in small_rows() if keep(row)]
    with pytest.raises(ValueError, match=message):
        Pairs(write_corpus(tmp_path, rows), "train", seed=0)


def test_cache_returns_what_the_corpus_holds_however_small_it_is(corpus: tuple[list[Row], Corpus]) -> None:
    for gibibytes in (0.0, 5000 / 2**30, 1.0):
        cache = PixelCache(corpus[1], gibibytes)
        for positions in (np.array([3, 1, 3]), np.array([1, 7]), np.array([3])):
            assert np.array_equal(cache(positions), corpus[1].pixels(positions))


def test_half_are_mirrored() -> None:
    assert 0.45 < flips(np.arange(4000), 1).mean() < 0.55
