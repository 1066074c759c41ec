"""The training core on real Ray Train, with a toy recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.run import Run
from factory.train import TrainConfig, TrainResources, fit, learning_rate
from tests.corpora import NoConfig
from tests.toy_recipe import worker

STEPS = 12


def train(folder: Path, workers: int = 1, crash_at: int = -1) -> dict[str, Any]:
    config = TrainConfig(steps=STEPS, batch_size=8, learning_rate=0.05)
    settings = {
        "job": "toy",
        "train": config.model_dump(mode="json"),
        "crash_at": crash_at,
        "crash_marker": str(folder) + ".crashed",
    }
    resources = TrainResources(workers=workers, gpus_per_worker=0, threads=1, checkpoint_every=4)
    run = Run(str(folder), "toy", {"steps": STEPS}, NoConfig())
    return fit(run, worker, settings, resources)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: Any, ray_local: None) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("train") / "undisturbed"
    return folder, train(folder)


def test_it_learns_and_brings_the_model_home(undisturbed: tuple[Path, dict[str, Any]]) -> None:
    folder, summary = undisturbed
    assert [point[0] for point in summary["curve"]] == list(range(1, STEPS + 1))
    assert summary["curve"][-1][1] < summary["curve"][0][1]
    assert summary["updates"] == summary["steps"] == STEPS
    assert float((folder / "weight.txt").read_text())


def test_running_again_is_a_no_op(undisturbed: tuple[Path, dict[str, Any]]) -> None:
    folder, summary = undisturbed
    before = (folder / "summary.json").stat().st_mtime_ns
    assert train(folder) == summary
    assert (folder / "summary.json").stat().st_mtime_ns == before


def test_a_crash_resumes_from_the_checkpoint_on_the_same_curve(
    undisturbed: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, summary = undisturbed
    disturbed = train(tmp_path / "disturbed", crash_at=6)
    assert (tmp_path / "disturbed.crashed").exists()
    assert disturbed["curve"] == summary["curve"]
    assert (tmp_path / "disturbed" / "weight.txt").read_text() == (folder / "weight.txt").read_text()


@pytest.mark.slow
def test_two_workers_make_the_weights_of_one(undisturbed: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    train(tmp_path / "two", workers=2)
    alone, together = (float((f / "weight.txt").read_text()) for f in (undisturbed[0], tmp_path / "two"))
    assert together == pytest.approx(alone, abs=1e-6)


def test_learning_rate_rises_then_holds_or_falls() -> None:
    config = TrainConfig(steps=100, batch_size=1, learning_rate=1.0, warmup_steps=10)
    assert [learning_rate(config, step) for step in (0, 4, 9, 10, 99)] == [0.1, 0.5, 1.0, 1.0, 1.0]
    falling = TrainConfig(steps=110, batch_size=1, learning_rate=1.0, warmup_steps=10, cosine_decay=True)
    assert learning_rate(falling, 60) == pytest.approx(0.5)
    assert learning_rate(falling, 109) < 1e-3
