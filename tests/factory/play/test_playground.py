"""What the playground makes is what the line makes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.core.config import build
from factory.drawn import pretrained
from factory.images import decode
from factory.models.diffusion_generator import DiffusionGenerator
from factory.models.generators import Request
from factory.models.settings import SamplerConfig
from factory.play.playground import PlayConfig, Playground
from tests.factory.play.uploads import file_of, wide


def test_a_spoof_is_that_of_the_line_with_its_recipe(playground: Playground) -> None:
    made, shown, facts = playground.spoof(file_of(wide(1)), file_of(wide(2)), None, 250, 2.0, 7)
    live, guide = (wide(seed)[:, 16:80] for seed in (1, 2))
    generator = DiffusionGenerator(str(pretrained.FOLDER), SamplerConfig(preset="balanced", batch_size=1), 1)
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
