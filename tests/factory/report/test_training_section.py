"""The report's section on training."""

from __future__ import annotations

import base64
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.corpora import face, png
from factory.report.training_section import samples_file
from tests.pages import Page, report


def test_training_shows_curves_and_closing_figures(page: Page) -> None:
    text = page.text["training"]
    assert "style encoder fit-style" in text
    assert "1,200 steps last loss 0.0408 31.4 images/s held-out accuracy —" in text
    assert text.count("accuracy") == 1  # the generator has none to miss
    assert [a["aria-label"] for a in page.of("svg") if "loss" in a.get("aria-label", "")] == [
        "style encoder: loss over steps",
        "generator: loss over steps",
    ]


def test_training_shows_held_out_losses_and_the_last_samples(page: Page) -> None:
    assert page.text["training"].endswith(
        "held-out loss, timesteps step 400 step 1,200 000–499 0.2 0.06667 500–999 0.1 0.03333 all 0.15 0.05"
    )
    (shown,) = [image for image in page.of("img") if image.get("alt", "").startswith("Samples of generator")]
    assert (shown["width"], shown["height"]) == ("48", "48")
    with Image.open(io.BytesIO(base64.b64decode(shown["src"].partition(",")[2]))) as image:
        assert abs(np.array(image.convert("RGB")).astype(int) - face(3, 48)).mean() < 8  # WebP


def test_other_samples_are_another_report(inputs: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(inputs["models"]["generator"], tmp_path / "model")
    picture = tmp_path / "model" / "samples" / "samples-0000001200.png"
    models = {"models": {"generator": str(tmp_path / "model")}}
    report(tmp_path / "report", models)
    picture.unlink()
    picture.write_bytes(png(face(4, 48)))
    with pytest.raises(ValueError, match="belongs to another run"):
        report(tmp_path / "report", models)


def test_the_samples_shown_are_the_model_s() -> None:
    summary: Any = {"evaluations": [{"step": 10}, {"step": 20}, {"step": 30}]}
    of_model: Any = {**summary, "model_step": 20}
    assert samples_file(of_model) == "samples/samples-0000000020.png"
    assert samples_file(summary) == "samples/samples-0000000030.png"
    none: Any = {"evaluations": []}
    assert samples_file(none) is None
