from __future__ import annotations

import itertools
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpora import small_rows, write_corpus
from difffas.errors import UserError
from factory.core import draws
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF, Row
from factory.train.triples import MixedPairs, Pairs, SelfPairs


def index_only(columns: dict[str, Any]) -> Corpus:
    """A corpus without images, its text columns held as `Corpus` holds them."""
    opened = object.__new__(Corpus)
    columns = {"sitting": [None] * len(columns["style"]), **columns}
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
        sitting = {j for j in person if table[j]["sitting"] is not None and table[j]["sitting"] == table[i]["sitting"]}
        if person:
            lives[i] = scene or sitting or person
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
                "sitting": st.sampled_from([None, "phone_1", "phone_2"]),
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
    assert sum(pairs.shared.values()) == len(expected)
    for name in ("capture", "sitting"):
        alike = [
            i for i in expected if all(table[j][name] == table[i][name] for j in expected[i][0]) and table[i][name]
        ]
        assert pairs.shared[name] <= len(alike)
    drawn: dict[int, tuple[set[int], set[int]]] = {i: (set(), set()) for i in expected}
    with pytest.MonkeyPatch.context() as patch:
        for choice in range(len(table)):  # every choice that there is, instead of chance
            patch.setattr(draws, "below", lambda limit, n, *names, choice=choice: np.minimum(choice, limit - 1))
            for live, spoof, guide in zip(*pairs(np.arange(len(expected))), strict=True):
                drawn[spoof][0].add(int(live))
                drawn[spoof][1].add(int(guide))
    assert drawn == expected


def oulu_like(live_captures: int) -> dict[str, list[Any]]:
    """Two people before three phones in two sessions: a live recording of each, an attack of each, two frames."""
    found: dict[str, list[Any]] = {name: [] for name in ("split", "domain", "subject", "capture", "sitting", "style")}
    for subject, phone, session, file, _ in itertools.product("01", "123", "12", (1, 2), range(2)):
        if file == 1 and (int(phone) - 1) * 2 + int(session) > live_captures:
            continue
        place, style = f"phone_{phone}_session_{session}", f"oulu_npu-{'live' if file == 1 else 'print'}"
        values = ("train", "oulu_npu", subject, f"{phone}_{session}_{subject}_{file}", place, style)
        for name, value in zip(found, values, strict=True):
            found[name].append(value)
    return found


def test_pairs_share_the_sitting_where_there_is_one() -> None:
    table = oulu_like(live_captures=6)
    n = np.arange(24 * 200)

    def share(columns: dict[str, Any]) -> tuple[float, dict[str, int]]:
        pairs = Pairs(index_only(columns), "train", seed=2)
        live, spoof, _ = pairs(n)
        sitting = np.array(table["sitting"])
        return float((sitting[live] == sitting[spoof]).mean()), pairs.shared

    before, shared = share({name: values for name, values in table.items() if name != "sitting"})
    assert before == pytest.approx(1 / 6, abs=0.03), "the chance among six recordings"
    assert shared == {"capture": 0, "sitting": 0, "subject": 24}
    assert share(table) == (1.0, {"capture": 0, "sitting": 24, "subject": 0})


def test_pairs_fall_back_to_the_subject_where_a_sitting_has_no_live_face() -> None:
    pairs = Pairs(index_only(oulu_like(live_captures=4)), "train", seed=2)
    assert pairs.shared == {"capture": 0, "sitting": 16, "subject": 8}
    assert len(pairs.spoofs) == 24


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


def test_self_pairs_take_every_spoof_and_any_live_face(corpus: tuple[list[Row], Corpus]) -> None:
    rows, opened = corpus
    pairs = SelfPairs(opened, "train", seed=3)
    live, spoof, guide = pairs(np.arange(40 * len(pairs.spoofs)))
    of = lambda label: {i for i, row in enumerate(rows) if row.split == "train" and row.label == label}  # noqa: E731
    assert set(spoof.tolist()) == of(SPOOF)
    assert set(live.tolist()) == of(LIVE)
    for target, leader in zip(spoof.tolist(), guide.tolist(), strict=True):
        assert rows[target].style == rows[leader].style
        assert rows[target].subject != rows[leader].subject


def test_self_pairs_need_no_live_face_of_the_person(tmp_path: Path) -> None:
    rows = [row for row in small_rows(subjects=4, captures=2) if row.label == SPOOF or row.subject.endswith("0")]
    opened = write_corpus(tmp_path, rows)
    assert len(SelfPairs(opened, "train", seed=0).spoofs) > len(Pairs(opened, "train", seed=0).spoofs)


@pytest.mark.parametrize(("kept", "message"), [(SPOOF, "has no live face"), (LIVE, "has no spoof")])
def test_self_pairs_of_one_kind_alone_are_refused(tmp_path: Path, kept: int, message: str) -> None:
    opened = write_corpus(tmp_path, [row for row in small_rows(subjects=3) if row.label == kept])
    with pytest.raises(UserError, match=message):
        SelfPairs(opened, "train", seed=0)


@pytest.mark.parametrize("portion", [0.0, 0.25, 0.5, 1.0])
def test_real_and_self_pairs_mix_evenly(corpus: tuple[list[Row], Corpus], portion: float) -> None:
    rows, opened = corpus
    mixed, counters = MixedPairs(opened, "train", 3, portion), np.arange(400)
    own = mixed.of_self(counters)
    assert own.reshape(-1, 8).sum(1).tolist() == [8 * portion] * 50
    live, spoof, _ = mixed(counters)
    same = np.array([rows[a].subject == rows[b].subject for a, b in zip(live, spoof, strict=True)])
    assert same[~own].all()
    if portion:
        assert not same[own].all()
        expected = SelfPairs(opened, "train", 3)(np.arange(int(own.sum())))
        assert np.array_equal(np.stack(mixed(counters))[:, own], np.stack(expected))


def test_without_self_pairs_the_triples_are_the_papers(corpus: tuple[list[Row], Corpus]) -> None:
    mixed, pairs = MixedPairs(corpus[1], "train", 3, 0.0), Pairs(corpus[1], "train", 3)
    assert np.array_equal(np.stack(mixed(np.arange(99))), np.stack(pairs(np.arange(99))))
    assert np.array_equal(mixed.spoofs, pairs.spoofs) and np.array_equal(mixed.guides, pairs.guides)
