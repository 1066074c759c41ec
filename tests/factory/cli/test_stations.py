"""Every station after prepare, in order, on a tiny corpus: what one writes the next one reads."""

from __future__ import annotations

import contextlib
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.corpora import small_rows, write_corpus
from difffas.pipeline import SpoofPipeline
from factory import evaluate, generate, report, tune
from factory.core.config import Config, build
from factory.corpus import Corpus
from factory.evaluate import metrics_of
from factory.train.recipes import classifier as fit_classifier
from factory.train.recipes import generator as fit_generator
from factory.train.recipes import style as fit_style
from tests.in_process import in_process

pytestmark = pytest.mark.soak  # eight stations, one after the other; test_pipeline.py has a shorter chain, on Ray

CPU = {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0}
TRAIN = {"steps": 4, "batch_size": 8, "learning_rate": 1e-3}


def settings(root: Path) -> list[tuple[Any, type[Config], dict[str, Any]]]:
    folder = {name: str(root / name) for name in ("real", "style", "generator", "spoofs", "classifier", "scores")}
    return [
        (
            fit_style.run,
            fit_style.FitStyleConfig,
            {
                "corpus": folder["real"],
                "out": folder["style"],
                "network": {"stem_channels": 8, "channels": [8, 8, 8, 8], "depths": [1, 1, 1, 1]},
                "train": TRAIN,
                "resources": CPU,
            },
        ),
        (
            fit_generator.run,
            fit_generator.FitGeneratorConfig,
            {
                "corpus": folder["real"],
                "style_encoder": folder["style"],
                "out": folder["generator"],
                "network": {
                    "base_channels": 8,
                    "channel_multipliers": [1] * 6,
                    "embed_channels": 16,
                    "timesteps": 300,
                },
                "train": TRAIN,
                "ema_decay": 0.5,
                "resources": CPU,
            },
        ),
        (
            generate.run,
            generate.GenerateConfig,
            {
                "inputs": {"live": folder["real"], "guides": folder["real"], "generator": folder["generator"]},
                "out": folder["spoofs"],
                "plan": {"samples": 12},
                "sampler": {"steps": 3, "t0": [50, 300], "cfg_scale": [1, 3], "batch_size": 4},
                "output": {"rows_per_shard": 6, "formats": ["webdataset", "parquet"]},
                "resources": {"gpus_per_generator": 0, "threads": 1},
            },
        ),
        (
            fit_classifier.run,
            fit_classifier.FitClassifierConfig,
            {
                "corpus": folder["real"],
                "generated": folder["spoofs"],
                "generated_rows": {"t0": [50, 250]},
                "out": folder["classifier"],
                "backbone": "resnet18",
                "train": TRAIN,
                "resources": CPU,
            },
        ),
        (
            evaluate.run,
            evaluate.EvaluateConfig,
            {"classifier": folder["classifier"], "corpus": folder["real"], "out": folder["scores"], "threads": 1},
        ),
        (
            tune.run,
            tune.TuneConfig,
            {
                "out": str(root / "search"),
                "fit": {
                    "corpus": folder["real"],
                    "generated": folder["spoofs"],
                    "backbone": "test_convnext",
                    "train": {**TRAIN, "evaluate_every": 2},
                    "resources": CPU,
                },
                "search": {"live_margin": [0.1, 0.5], "t0_max": [200, 300]},
                "trials": 2,
            },
        ),
        (
            report.run,
            report.ReportConfig,
            {
                "inputs": {
                    "real": folder["real"],
                    "generated": folder["spoofs"],
                    "models": {"generator": folder["generator"]},
                    "evaluations": {"both": folder["scores"]},
                    "tune": str(root / "search"),
                },
                "out": str(root / "report"),
            },
        ),
    ]


@pytest.fixture(scope="module")
def stations(tmp_path_factory: Any, ray_local: None) -> tuple[Path, dict[str, dict[str, Any]]]:
    root = tmp_path_factory.mktemp("stations")
    write_corpus(root / "real", small_rows(subjects=9, splits=("train", "dev", "test")))
    summaries = {}
    for station, model, given in settings(root):
        with contextlib.nullcontext() if station is tune.run else in_process():  # trials are Ray's own
            summaries[Path(given["out"]).name] = station(build(model, given))
    return root, summaries


def test_style_encoder_knows_every_style_of_the_split(stations: tuple[Path, dict[str, Any]]) -> None:
    _, summaries = stations
    assert summaries["style"]["styles"] == sorted(
        f"{d}-{a}" for d in ("cam", "phone") for a in ("live", "print", "replay")
    )
    assert 0 <= summaries["style"]["accuracy"] <= 1


def test_generator_folder_loads_and_remembers_its_statistics(stations: tuple[Path, dict[str, Any]]) -> None:
    root, summaries = stations
    pipeline = SpoofPipeline.from_pretrained(root / "generator")
    assert pipeline.unet.config["timesteps"] == 300
    assert [point[0] for point in summaries["generator"]["curve"]] == [1, 2, 3, 4]
    _, stfm = pipeline.unet.fusions()[0]
    assert any(bool(buffer.abs().sum() > 0) for buffer in stfm.buffers())
    assert not list((root / "generator").rglob("*.bin"))


def test_spoofs_came_from_the_model_that_was_fitted(stations: tuple[Path, dict[str, Any]]) -> None:
    root, summaries = stations
    spoofs = Corpus(str(root / "spoofs"))
    assert summaries["spoofs"]["written"] == len(spoofs) == 12
    assert set(spoofs.column("generator")) == {generate.claim_generator(str(root / "generator"))}
    assert len({image.tobytes() for image in spoofs.pixels(np.arange(12))}) == 12


def test_classifier_trained_on_the_rows_that_pass_the_filter(stations: tuple[Path, dict[str, Any]]) -> None:
    root, summaries = stations
    kept = int((Corpus(str(root / "spoofs")).column("t0") <= 250).sum())
    assert 0 < kept < 12
    assert summaries["classifier"]["rows"]["generated"] == kept


def test_metrics_follow_from_the_scores_alone(stations: tuple[Path, dict[str, Any]]) -> None:
    root, summaries = stations
    text = (root / "scores" / "scores.csv").read_bytes()
    assert json.loads(json.dumps(metrics_of(text, "test", "dev"))) == json.loads(json.dumps(summaries["scores"]))
    lines = list(csv.DictReader(text.decode().splitlines()))
    real = Corpus(str(root / "real"))
    assert len(lines) == len(real.where(split="test")) + len(real.where(split="dev"))
    assert all(0 <= float(line["score"]) <= 1 for line in lines)
    for threshold in ("test_eer", "0.5", "dev_eer"):
        assert 0 <= summaries["scores"][f"hter@{threshold}"] <= 1


def test_search_returns_the_best_of_its_trials(stations: tuple[Path, dict[str, Any]]) -> None:
    _, summaries = stations
    trials = summaries["search"]["trials"]
    assert len(trials) == 2
    best = max((trial for trial in trials if trial["status"] == "finished"), key=lambda trial: trial["metric"])
    assert summaries["search"]["best"] == best["trial"]
    assert len({trial["parameters"]["live_margin"] for trial in trials}) == 2


def test_report_shows_all_of_it(stations: tuple[Path, dict[str, Any]]) -> None:
    root, summaries = stations
    page = (root / "report" / "index.html").read_text(encoding="utf-8")
    assert page.count("data:image/") >= 12
    assert set(summaries["report"]["sections"]) == {"faces", "counts", "quality", "training", "detection", "tuning"}


def test_running_everything_again_changes_nothing(stations: tuple[Path, dict[str, Any]]) -> None:
    root, summaries = stations
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    for station, model, given in settings(root):
        assert station(build(model, given)) == summaries[Path(given["out"]).name]
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()} == before
