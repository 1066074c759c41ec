"""What the playground makes is what the line makes."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.corpora import small_rows, write_corpus
from difffas.routes import Route
from difffas.style_encoder import SMALL_STYLE_ENCODER, StyleEncoder
from difffas.style_statistics import read_statistics, write_statistics
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF
from factory.corpus.style_statistics import statistics_by_style
from factory.images import decode
from factory.models.diffusion_generator import DiffusionGenerator
from factory.models.generators import Request
from factory.models.settings import SamplerConfig
from factory.play.playground import PlayConfig, Playground
from factory.storage import Storage
from factory.storage.embedded import FOLDERS, GENERATOR, PEOPLE, path_of
from tests.factory.play.uploads import file_of, wide


def test_a_spoof_is_that_of_the_line_with_its_recipe(playground: Playground) -> None:
    made, shown, facts = playground.spoof(file_of(wide(1)), file_of(wide(2)), None, 250, 2.0, 7)
    live, guide = (wide(seed)[:, 16:80] for seed in (1, 2))
    generator = DiffusionGenerator(path_of(GENERATOR), SamplerConfig(preset="balanced", batch_size=1), 1)
    one = np.zeros(1, dtype=np.int64)
    expected = generator(Request(live[None], guide[None], one, one + 250, np.array([2.0]), one + 7)).pixels[0]
    assert np.array_equal(made, expected)
    assert np.array_equal(shown, guide)
    recipe, scores = facts["recipe"], facts["scores"]
    assert (recipe["t0"], recipe["cfg_scale"], recipe["seed"], recipe["preset"]) == (250, 2.0, 7, "balanced")
    assert sum(scores["styles seen by the encoder"].values()) <= 1.001
    change = scores["structure changed (1 - SSIM)"]
    assert change is not None and 0 < change < 1


def test_a_style_stands_for_a_guide(playground: Playground) -> None:
    style = playground.styles[0]
    _, shown, facts = playground.spoof(file_of(wide(1)), None, style, 100, 2.0, 0)
    assert facts["recipe"]["guide"] != "uploaded"
    assert shown.shape == (64, 64, 3)


def test_a_guide_of_the_corpus_is_cut_to_its_middle_square(tmp_path: Path) -> None:
    rows = [dataclasses.replace(each, image=file_of(wide(number))) for number, each in enumerate(small_rows())]
    write_corpus(tmp_path / "guides", rows)
    playground = Playground(build(PlayConfig, {"guides": str(tmp_path / "guides"), "threads": 1}))
    _, shown, facts = playground.spoof(file_of(wide(1)), None, playground.styles[0], 100, 2.0, 0)
    stored = next(each for each in rows if each.key == facts["recipe"]["guide"])
    assert np.array_equal(shown, decode(stored.image)[:, 16:80])


@pytest.mark.slow
def test_a_generator_that_knows_their_styles_has_the_embedded_people_and_a_face(tmp_path: Path) -> None:
    people = Corpus(PEOPLE)
    shutil.copytree(FOLDERS[GENERATOR], tmp_path / "model")
    styles = sorted(set(people.column("style")))
    StyleEncoder(styles, **SMALL_STYLE_ENCODER).save_pretrained(tmp_path / "model" / "style_encoder")
    playground = Playground(build(PlayConfig, {"generator": f"{tmp_path}/model", "threads": 1}))
    assert playground.styles == sorted(set(people.column("style")[people.column("label") == SPOOF]))
    assert playground.face is not None
    (place,) = [n for n in people.where(label=LIVE) if np.array_equal(people.pixels([n])[0], playground.face)]
    assert people.column("split")[place] == "test"
    made, _, facts = playground.spoof(file_of(playground.face), None, playground.styles[0], 100, 2.0, 0)
    assert made.shape == (64, 64, 3)
    assert facts["recipe"]["guide"] in people.column("key")


def test_another_generator_has_no_guides_of_its_own_accord(statistics: Path) -> None:
    playground = Playground(build(PlayConfig, {"generator": f"{statistics}/model", "threads": 1}))
    assert playground.styles == [] and playground.face is None


def test_it_needs_no_settings() -> None:
    assert Playground(build(PlayConfig, {"threads": 1})).trained == 500


def test_mistakes_are_told_in_one_line(playground: Playground) -> None:
    good = file_of(wide(1))
    mistakes: list[tuple[Any, str]] = [
        ((b"no image", good, None, 250), "live face: not a supported image format"),
        ((good, b"", None, 250), "guide: empty file"),
        ((good, None, None, 250), "no guide: upload one or choose a style"),
        ((good, None, "nowhere-print", 250), "style 'nowhere-print' is not among the guides"),
        ((good, good, None, 1000), "was trained for T₀ up to"),
    ]
    for (live, guide, style, t0), message in mistakes:
        with pytest.raises(ValueError, match=message):
            playground.spoof(live, guide, style, t0, 2.0, 0)


@pytest.fixture(scope="module")
def statistics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped generator with statistics of the styles of `small_rows`."""
    folder = tmp_path_factory.mktemp("matching")
    corpus = write_corpus(folder / "guides", small_rows(side=64))
    shutil.copytree(FOLDERS[GENERATOR], folder / "model", ignore=shutil.ignore_patterns("style_statistics"))
    write_statistics(folder / "model", statistics_by_style(corpus, ["train"]))
    return folder


def test_a_matched_spoof_is_that_of_the_line_with_the_route_of_face_and_guide(statistics: Path) -> None:
    given = {"generator": f"{statistics}/model", "guides": f"{statistics}/guides", "threads": 1}
    playground = Playground(build(PlayConfig, {**given, "sampler": {"match": "style"}}))
    assert (playground.domains, playground.styles) == (
        ["cam", "phone"],
        ["cam-print", "cam-replay", "phone-print", "phone-replay"],
    )
    live, guide = (wide(seed)[:, 16:80] for seed in (1, 2))
    files = file_of(live), file_of(guide)
    made, _, facts = playground.spoof(*files, "phone-print", 400, 2.0, 7, "balanced", "cam")
    assert facts["recipe"]["match"] == "style"
    one = np.zeros(1, dtype=np.int64)
    for match in ("style", "guide"):
        sampler = SamplerConfig(preset="balanced", batch_size=1, match=match)
        known = read_statistics(Storage(f"{statistics}/model"))
        generator = DiffusionGenerator(f"{statistics}/model", sampler, 1, False, known)
        route = [Route("cam-live", "phone-live", "phone-print")]
        request = Request(live[None], guide[None], one, one + 400, np.array([2.0]), one + 7, route)
        expected = generator(request).pixels[0]
        if match == "guide":
            playground = Playground(build(PlayConfig, {**given, "sampler": {"match": "guide"}}))
            assert not playground.domains
            made = playground.spoof(*files, None, 400, 2.0, 7)[0]
        assert np.array_equal(made, expected)
    for style, domain, message in (
        ("phone-print", None, "choose the live face's domain among cam, phone"),
        (None, "cam", "choose the style that the guide shows among cam-print, "),
    ):
        matching = Playground(build(PlayConfig, {**given, "sampler": {"match": "domain"}}))
        with pytest.raises(ValueError, match=message):
            matching.spoof(*files, style, 400, 2.0, 7, "balanced", domain)
    with pytest.raises(ValueError, match="has no statistics of live faces of 32²: set size"):
        Playground(build(PlayConfig, {**given, "size": 32, "sampler": {"match": "style"}}))


def test_the_sliders_begin_with_the_settings_of_the_style(statistics: Path) -> None:
    """A calibration's sampler.yaml is a configuration of the playground, too."""
    sampler = {
        "preset": "balanced",
        "by_style": {"cam-print": {"t0": [400, 441], "cfg_scale": [3, 4]}},
        "match": "style",
    }
    given = {"generator": f"{statistics}/model", "guides": f"{statistics}/guides", "threads": 1}
    playground = Playground(build(PlayConfig, {**given, "sampler": sampler}))
    assert playground.settings("cam-print") == (420, 3.5)
    assert playground.settings("cam-replay") == playground.settings(None) == (250, 2.0)
    with pytest.raises(ValueError, match="sampler.preset fast: the page offers student, student-2, balanced, exact"):
        build(PlayConfig, {"sampler": {"preset": "fast"}})
