"""A guide is of another person if there is one; equal names in two domains are two people."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.corpora import small_rows, write_corpus
from factory.corpus.people import other_people, people, people_shown
from factory.corpus.row import LIVE, SPOOF
from tests.pages import spoofs_of


def test_a_name_is_of_one_person_within_its_domain_alone(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "real", small_rows())
    found = people(corpus)
    assert len(set(found)) == 8 and len(set(corpus.column("subject"))) == 4
    assert found[0] == f"{corpus.column('domain')[0]}/{corpus.column('subject')[0]}"


def test_a_generated_row_shows_the_person_of_its_live_face(tmp_path: Path) -> None:
    real = small_rows()
    made = spoofs_of(real)
    corpus = write_corpus(tmp_path / "made", [*real[:3], *made])
    shown = [f"{row.live_domain or row.domain}/{row.subject}" for row in [*real[:3], *made]]
    assert people_shown(corpus).tolist() == shown != people(corpus).tolist()


def test_a_guide_is_of_the_style_and_of_another_person_if_there_is_one(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "real", small_rows())
    lives, spoofs = corpus.where(label=LIVE), corpus.where(label=SPOOF)
    styles = ["cam-print"] * len(lives)
    for drawn in (0.0, 0.5, 0.999):
        chosen = other_people(corpus, corpus, lives, styles, spoofs, np.full(len(lives), drawn))
        assert set(corpus.column("style")[chosen]) == {"cam-print"}
        assert (people(corpus)[chosen] != people(corpus)[lives]).all()
    alone = spoofs[people(corpus)[spoofs] == "cam/s0"]
    own = lives[people(corpus)[lives] == "cam/s0"][:1]
    assert people(corpus)[other_people(corpus, corpus, own, ["cam-print"], alone, np.zeros(1))] == ["cam/s0"]
