"""Which faces are made into spoofs: evenly over the split, guided by other people, drawn by number."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.calibrate.faces import choose_faces, drawn
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF
from factory.models.settings import SamplerConfig, StyleRanges
from tests.factory.calibrate.conftest import Settings


def test_every_style_meets_live_faces_of_the_whole_split(calibration_corpus: Corpus, settings: Settings) -> None:
    faces = choose_faces(settings(faces=4), calibration_corpus, calibration_corpus, "dev")
    assert set(Counter(faces.styles).values()) == {4} and len(set(faces.styles)) == 4
    place = {key: number for number, key in enumerate(calibration_corpus.column("key"))}
    lives, guides = (list(calibration_corpus.rows([place[pair[side]] for pair in faces.keys])) for side in (0, 1))
    assert {row.label for row in lives} == {LIVE} and {row.label for row in guides} == {SPOOF}
    assert {row.split for row in (*lives, *guides)} == {"dev"}
    for live, guide, route, person in zip(lives, guides, faces.routes, faces.person, strict=True):
        assert (live.domain, live.subject) != (guide.domain, guide.subject)
        assert route == (live.style, f"{guide.domain}-live", guide.style)
        assert person == f"{live.domain}/{live.subject}"
    for style in set(faces.styles):
        of_style = {live.domain for live, found in zip(lives, faces.styles, strict=True) if found == style}
        assert of_style == {"cam", "phone"}, "within the domain and across"
    assert len(set(faces.seed)) == 16
    assert set(faces.gallery_person) == set(faces.person)
    assert not set(faces.person) & set(
        choose_faces(settings(), calibration_corpus, calibration_corpus, "test").person
    ), "other people confirm"


def test_what_is_drawn_for_a_face_lies_in_the_ranges_of_its_style(
    calibration_corpus: Corpus, settings: Settings
) -> None:
    faces = choose_faces(settings(faces=4), calibration_corpus, calibration_corpus, "dev")
    own = {"cam-print": StyleRanges(t0=(400, 400), cfg_scale=(5.0, 5.0))}
    t0, cfg_scale = drawn(SamplerConfig(t0=(100, 200), cfg_scale=(1.0, 2.0), by_style=own), faces, 0)
    printed = np.array(faces.styles) == "cam-print"
    assert (t0[printed] == 400).all() and (cfg_scale[printed] == 5.0).all()
    assert ((t0[~printed] >= 100) & (t0[~printed] <= 200)).all() and len(set(t0[~printed])) > 3
    assert ((cfg_scale[~printed] >= 1) & (cfg_scale[~printed] <= 2)).all()


def test_a_split_without_faces_or_guides_is_refused(
    calibration_corpus: Corpus, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="split 'train' has no live face: set split and check"):
        choose_faces(settings(), calibration_corpus, calibration_corpus, "train")
    with pytest.raises(ValueError, match="split 'dev' has no guide of .'cam-mask'."):
        choose_faces(settings(styles=["cam-mask"]), calibration_corpus, calibration_corpus, "dev")
    large = write_corpus(tmp_path / "large", small_rows(side=64, splits=("dev",)))
    with pytest.raises(ValueError, match="live faces are 32×32, guides 64×64"):
        choose_faces(settings(), calibration_corpus, large, "dev")


def test_the_gallery_of_a_large_split_holds_every_face_s_own_person(
    calibration_corpus: Corpus, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory.calibrate.faces.GALLERY", 1)
    faces = choose_faces(settings(faces=4), calibration_corpus, calibration_corpus, "dev")
    assert set(faces.person) <= set(faces.gallery_person)
