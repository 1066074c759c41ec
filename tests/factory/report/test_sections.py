from __future__ import annotations

import base64
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.corpora import face, png, small_rows, write_corpus
from factory.corpus import Corpus
from factory.report.sections import Folder, counts
from factory.report.training_section import samples_file
from factory.run import read_summary
from tests.pages import Page, report, summary_of


def test_counts_have_the_line_of_the_log(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "real", small_rows())
    summary = {**(read_summary(corpus.storage) or {}), "images_per_second": 41.23}
    found = counts({"real": Folder(corpus.storage, {}, summary, "")}, {"real": corpus})
    shards = summary["shards"]
    assert found[0]["progress"] == f"{shards}/{shards} shards · {len(corpus)} images · 41.2 img/s"


def test_counts_add_up(page: Page) -> None:
    text = page.text["counts"]
    assert "style train test all cam-live 4 4 8" in text
    assert "cam-replay 4 0 4" in text
    assert "written 24 16 40 40 planned = 40 written + 0 rejected" in text


def test_rejects_are_counted_by_reason(inputs: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(inputs["real"], tmp_path / "real")
    summary = summary_of(inputs["real"])
    summary |= {"planned": 43, "rejected": 3, "rejects_by_reason": {"no face": 2, "truncated <file>": 1}}
    (tmp_path / "real" / "summary.json").unlink()
    (tmp_path / "real" / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    page = report(tmp_path / "out", {"real": str(tmp_path / "real")})
    assert "43 planned = 40 written + 3 rejected" in page.text["counts"]
    assert "Rejected: 2 no face, 1 truncated <file>." in page.text["counts"]
    assert "3 rejected" in page.text["header"]


def test_quality_compares_real_and_generated_per_style(page: Page, inputs: dict[str, Any]) -> None:
    text = page.text["quality"]
    generated = Corpus(inputs["generated"])
    style = generated.where(style="cam-print")
    scores = generated.column("brisque")[style].astype(float)
    failed = int(np.isnan(scores).sum())
    assert failed
    mean, deviation = np.nanmean(scores), np.nanstd(scores)
    assert f"generated {len(scores)} {mean:.1f} {deviation:.1f} {failed}" in text
    charts = re.findall(r'<svg [^>]*aria-label="BRISQUE of.*?</svg>', page.raw)
    assert len(charts) == 4
    assert len({tuple(re.findall(r"<text.*?</text>", chart)) for chart in charts}) == 1  # one axis for all styles
    classes = [attributes.get("class") for attributes in page.of("path")]
    assert [classes.count(f"area {name}") for name in ("live", "spoof", "generated")] == [9, 9, 9]  # 4, and legends


def test_unscored_corpora_have_no_quality_section(tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows())
    assert report(tmp_path / "out", {"real": str(tmp_path / "real")}).sections == ["counts"]


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


def test_tuning_ranks_the_trials_and_marks_the_best(page: Page) -> None:
    text = page.text["tuning"]
    assert "trial live_margin t0_max rows step auc d_eer status 0003 best 0.3 300 34 1,200 0.9 0.1 finished" in text
    assert "0001 0.1 100 12 1,200 0.7 0.3 finished 0004 0.4 400 40 400 0.95 0.05 stopped" in text  # no rival
    assert "0002 0.2 200 0 — — — failed Trial 0002 failed: no row <passes>" in text
    assert [row.get("class") for row in page.of("tr")].count("best") == 1


def test_tuning_draws_every_trial_that_has_the_metric_over_every_parameter(page: Page) -> None:
    charts = re.findall(r'<svg [^>]*aria-label="auc over (\w+)".*?</svg>', page.raw)
    assert charts == ["live_margin", "t0_max"]
    (chart,) = re.findall(r'<svg [^>]*aria-label="auc over t0_max".*?</svg>', page.raw)
    circles = re.findall(r'<circle class="([^"]+)" cx="([\d.]+)" cy="([\d.]+)"', chart)
    assert [name for name, _, _ in circles] == ["line line-0", "line line-5", "mark spoof"]  # finished, stopped, best
    left, right, middle = (float(x) for _, x, _ in circles)
    assert left < middle < right
    low, high, best = (float(y) for _, _, y in circles)
    assert high < best < low


def test_tuning_shows_what_regenerating_gave(page: Page) -> None:
    assert page.text["tuning"].endswith("auc, generated again 0003 150 to 300 1 to 3 34 40 0.9 0.91")


def test_the_samples_shown_are_the_model_s() -> None:
    summary: dict[str, Any] = {"evaluations": [{"step": 10}, {"step": 20}, {"step": 30}]}
    assert samples_file({**summary, "model_step": 20}) == "samples/samples-0000000020.png"
    assert samples_file(summary) == "samples/samples-0000000030.png"
    assert samples_file({"evaluations": []}) is None
