from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.corpora import small_rows, write_corpus
from factory.core import draws
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF, Row
from factory.train.batches import Pairs, PixelCache, QualityWeighted, Shuffled, flips, share


def index_only(columns: dict[str, Any]) -> Corpus:
    """A corpus without images, its text columns held as `Corpus` holds them."""
    opened = object.__new__(Corpus)
    text = {name: pa.array(values, pa.string()).dictionary_encode() for name, values in columns.items()}
    text["label"] = pa.array([LIVE if style.endswith("-live") else SPOOF for style in columns["style"]])
    opened.index = pa.table(text)
    opened.storage = SimpleNamespace(url="corpus")  # type: ignore[assignment]
    return opened


def pools_by_definition(table: list[dict[str, Any]]) -> dict[int, tuple[set[int], set[int]]]:
    """Lives and guides that each paired spoof of the split may have: `Pairs`, by comparing every row with every."""
    train = [i for i, row in enumerate(table) if row["split"] == "train"]
    lives: dict[int, set[int]] = {}
    for i in train:
        if table[i]["style"].endswith("-live"):
            continue
        person = {
            j
            for j in train
            if table[j]["style"].endswith("-live")
            and (table[j]["domain"], table[j]["subject"]) == (table[i]["domain"], table[i]["subject"])
        }
        capture = table[i]["capture"]
        scene = {j for j in person if capture is not None and table[j]["capture"] == capture}
        if person:
            lives[i] = scene or person
    guides = {}
    for i in lives:
        peers = {j for j in train if j != i and table[j]["style"] == table[i]["style"]}
        mine = table[i]["domain"], table[i]["subject"]
        guides[i] = {j for j in peers if (table[j]["domain"], table[j]["subject"]) != mine} or peers
    return {i: (lives[i], guides[i]) for i in lives}


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


@given(
    table=st.lists(
        st.fixed_dictionaries(
            {
                "split": st.sampled_from(["train", "train", "test"]),
                "domain": st.sampled_from(["cam", "phone"]),
                "subject": st.sampled_from(["s0", "s1", "s2"]),
                "capture": st.sampled_from([None, "c0", "c1"]),
                "style": st.sampled_from(["x-live", "x-print", "x-replay"]),  # a style may span domains
            }
        ),
        min_size=1,
        max_size=40,
    )
)
def test_pairs_draw_from_just_what_the_definition_allows(table: list[dict[str, Any]]) -> None:
    opened = index_only({name: [row[name] for row in table] for name in table[0]})
    expected = pools_by_definition(table)
    if not expected or not all(guides for _, guides in expected.values()):
        with pytest.raises(ValueError, match="no .live, spoof. pair|no row" if not expected else "single image"):
            Pairs(opened, "train", seed=1)
        return
    pairs = Pairs(opened, "train", seed=1)
    assert list(pairs.spoofs) == sorted(expected)
    drawn: dict[int, tuple[set[int], set[int]]] = {i: (set(), set()) for i in expected}
    with pytest.MonkeyPatch.context() as patch:
        for choice in range(len(table)):  # every choice that there is, instead of chance
            patch.setattr(draws, "below", lambda limit, n, *names, choice=choice: np.minimum(choice, limit - 1))
            for live, spoof, guide in zip(*pairs(np.arange(len(expected))), strict=True):
                drawn[spoof][0].add(int(live))
                drawn[spoof][1].add(int(guide))
    assert drawn == expected


def test_guides_are_drawn_evenly(corpus: tuple[list[Row], Corpus]) -> None:
    pairs = Pairs(corpus[1], "train", seed=3)
    _, spoof, guide = pairs(np.arange(len(pairs.spoofs) * 400))
    for which in pairs.spoofs[:5]:
        _, counts = np.unique(guide[spoof == which], return_counts=True)
        assert counts.sum() == 400
        assert abs(counts - 400 / len(counts)).max() < 60  # four standard deviations of the widest


def test_a_hundred_thousand_rows_are_planned_in_a_moment() -> None:
    count = 100_000
    code = draws.bits(np.arange(count), "table")
    domain, attack = np.array(["cam", "phone"])[code % 2], np.array(["live", "print", "mask"])[code // 2 % 3]
    started = time.monotonic()
    opened = index_only(
        {
            "split": ["train"] * count,
            "domain": domain,
            "subject": (code // 7 % 500).astype(str),
            "capture": (code // 11 % 4).astype(str),
            "style": np.char.add(np.char.add(domain, "-"), attack),
        }
    )
    live, spoof, guide = Pairs(opened, "train", seed=0)(np.arange(64))
    assert time.monotonic() - started < 30  # a second; listing the guides of every spoof takes minutes
    style, subject = opened.column("style"), opened.column("subject")
    assert list(style[spoof]) == list(style[guide])
    assert list(subject[live]) == list(subject[spoof])
    assert (subject[spoof] != subject[guide]).all()


def test_pairs_do_not_depend_on_how_they_are_asked_for(corpus: tuple[list[Row], Corpus]) -> None:
    pairs = Pairs(corpus[1], "train", seed=3)
    whole = pairs(np.arange(40))
    for kind in range(3):
        assert np.array_equal(whole[kind], np.concatenate([pairs(np.arange(i, i + 8))[kind] for i in range(0, 40, 8)]))


def test_a_spoof_without_a_live_face_guides_others_of_its_style(tmp_path: Path) -> None:
    rows = small_rows(subjects=3, captures=1, domains=("cam",), attacks=("print", "mask"))
    rows = [
        row
        for row in rows
        if row.attack != "mask" and (row.attack, row.subject) not in {("live", "s1"), ("live", "s2")}
    ]
    live, spoof, guide = Pairs(write_corpus(tmp_path, rows), "train", seed=0)(np.arange(20))
    shown = {(rows[a].subject, rows[b].subject, rows[c].subject) for a, b, c in zip(live, spoof, guide, strict=True)}
    assert shown == {("s0", "s0", "s1"), ("s0", "s0", "s2")}


def test_a_split_that_is_not_there_is_named(corpus: tuple[list[Row], Corpus]) -> None:
    with pytest.raises(ValueError, match="split 'dev' has no row: choose among train"):
        Pairs(corpus[1], "dev", seed=0)


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
