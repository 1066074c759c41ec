"""The real spoofs that calibrate the limits: held-out, with the right partners, the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.corpora import row, write_corpus
from factory.audit import pairs as ours
from factory.audit.pairs import Pairs, choose_pairs
from factory.corpus import Corpus
from factory.corpus.row import SPOOF, Row

STYLES = ("cam-print", "cam-replay", "phone-print")


def people(count: int = 6, captures: int = 2) -> list[Row]:
    """Live faces and prints of people in two domains and two splits; the replays are of other captures."""
    rows: list[Row] = []
    for domain in ("cam", "phone"):
        for number in range(count):
            facts: dict[str, Any] = {
                "domain": domain,
                "subject": f"s{number}",
                "split": "train" if number < 3 else "dev",
            }
            for capture in range(captures):
                rows.append(row(len(rows), capture=f"c{capture}", **facts))
                rows.append(row(len(rows), capture=f"c{capture}", label=SPOOF, attack="print", **facts))
            if domain == "cam":
                rows.append(row(len(rows), capture="elsewhere", label=SPOOF, attack="replay", **facts))
    return rows


def chosen(corpus: Corpus, split: str = "train", known: tuple[str, ...] = STYLES) -> Pairs:
    spoof = corpus.column("label") == SPOOF
    seen = corpus.column("split") == split
    return choose_pairs(corpus, np.flatnonzero(spoof & seen), np.flatnonzero(spoof & ~seen), known)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_corpus(tmp_path_factory.mktemp("pairs") / "corpus", people())


def test_partners_show_the_same_scene_or_else_the_same_person_and_impostors_another(corpus: Corpus) -> None:
    found = chosen(corpus)
    facts = {name: corpus.column(name) for name in ("domain", "subject", "capture", "attack", "label", "split")}
    assert found.held_out and set(facts["split"][found.spoofs]) == {"dev"}
    assert len(found.spoofs) == 2 * 3 * 2 + 3 and (np.diff(found.spoofs) > 0).all()
    for spoof, live, impostor in zip(found.spoofs, found.lives, found.impostors, strict=True):
        assert facts["label"][live] == facts["label"][impostor] == 0
        assert facts["domain"][spoof] == facts["domain"][live] == facts["domain"][impostor]
        assert facts["subject"][spoof] == facts["subject"][live] != facts["subject"][impostor]
        assert facts["capture"][live] == (facts["capture"][spoof] if facts["attack"][spoof] == "print" else "c0")
    assert len(set(found.impostors)) > 5, "other people take turns"
    again = chosen(Corpus(corpus.storage.url))
    for name in ("spoofs", "lives", "impostors"):
        assert np.array_equal(getattr(found, name), getattr(again, name))


def test_only_styles_that_the_judge_knows_and_at_most_so_many(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    found = chosen(corpus, known=("cam-replay", "lab-mask"))
    assert set(corpus.column("style")[found.spoofs]) == {"cam-replay"}
    assert not len(chosen(corpus, known=("lab-mask",)).spoofs)
    monkeypatch.setattr(ours, "PER_STYLE", 3)
    few = chosen(corpus)
    styles = corpus.column("style")[few.spoofs].tolist()
    assert {name: styles.count(name) for name in STYLES} == dict.fromkeys(STYLES, 3)
    prints = few.spoofs[np.array(styles) == "phone-print"]
    assert len(set(corpus.column("subject")[prints])) == 3, "spread over the people"


def test_without_held_out_people_those_of_the_training_serve(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "one", [face for face in people() if face.split == "train"])
    found = chosen(corpus)
    assert not found.held_out and len(found.spoofs) == 15


def test_a_spoof_may_lack_a_partner_and_another_person(tmp_path: Path) -> None:
    rows = [row(0, subject="a", split="dev"), row(1, subject="b", split="dev", label=SPOOF, attack="print")]
    rows += [row(2, subject="a", split="dev", label=SPOOF, attack="replay")]
    corpus = write_corpus(tmp_path / "lone", rows)
    found = chosen(corpus)
    keys = corpus.column("key")
    by_key = dict(zip(keys[found.spoofs], zip(found.lives, found.impostors, strict=True), strict=True))
    place = int(np.flatnonzero(keys == "row-0000")[0])
    assert by_key == {"row-0001": (-1, place), "row-0002": (place, -1)}


def test_partners_of_another_capture_are_of_the_same_sitting_if_there_is_one(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"subject": "s0", "split": "dev"}
    rows = [
        *(row(n, capture=f"live{n}", sitting=f"phone_{n}", **facts) for n in range(3)),
        *(
            row(3 + n, capture=f"spoof{n}", sitting=f"phone_{n}", label=SPOOF, attack="print", **facts)
            for n in (1, 2, 4)
        ),
    ]
    found = chosen(write_corpus(tmp_path, rows), known=("cam-print",))
    assert found.lives.tolist() == [1, 2, 0], "the last sitting has no live face"
