"""One step of the loop without Ray: the guard against what is not finite."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from factory.train import TrainConfig, TrainResources
from factory.train.checkpoints import Course, load, tensors
from factory.train.loop import (
    BAD_STEPS,
    Fit,
    _evaluate,
    _quiet_reports,
    _report,
    _timed_step,
    _why_stopped,
    prepare,
    take_step,
)
from tests.toy_recipe import ToyRecipe, toy_settings


def start(steps: int = 20, **given: Any) -> Fit:
    chosen = {"learning_rate": 0.05, **given.pop("train", {})}
    train = TrainConfig(steps=steps, batch_size=8, **chosen)
    resources = TrainResources(gpus_per_worker=0, threads=1, read_ahead=0)
    settings = toy_settings(train, resources, **given)
    return prepare(ToyRecipe(settings), settings, torch.device("cpu"))


def state(fit: Fit) -> dict[str, torch.Tensor]:
    """Weights, buffers, moments; copies."""
    return {name: value.clone() for name, value in tensors(fit.recipe.modules, fit.optimiser).items()}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_bad_step_leaves_weights_buffers_and_moments_as_they_were(bad: float) -> None:
    fit = start(batch_norm=True)
    read = fit.recipe.reader(0, 1)
    assert take_step(fit, read(0), 0).guilty == []
    before = state(fit)
    assert {"network.0.running_mean", "optimiser.exp_avg.1.weight"} <= before.keys()
    batch = read(1)
    batch["x"][3] = bad
    assert take_step(fit, batch, 1).guilty == [0]
    after = state(fit)
    for name, value in before.items():
        assert torch.equal(after[name], value), name
    assert take_step(fit, read(2), 2).guilty == []
    assert all(bool(value.isfinite().all()) for value in state(fit).values())


def test_reports_are_not_logged_by_ray_too() -> None:
    from ray.train.v2._internal.execution import context

    _quiet_reports()
    assert not context.logger.isEnabledFor(logging.INFO)
    assert context.logger.isEnabledFor(logging.WARNING)


def test_a_finite_loss_with_a_gradient_that_is_not_is_a_bad_step() -> None:
    fit = start()
    batch = fit.recipe.reader(0, 1)(0)
    weight = next(fit.network.parameters())
    weight.register_hook(lambda gradient: gradient * float("inf"))
    before = weight.clone()
    outcome = take_step(fit, batch, 0)
    assert np.isfinite(outcome.loss)
    assert outcome.guilty == [0]
    assert torch.equal(weight, before)


def test_only_bad_steps_in_a_row_count_and_the_last_ones_keys_are_named() -> None:
    fit = start(bad_steps=[1, 2, 3, 4, 6, 7, 8, 9, 10])
    course, read = Course(), fit.recipe.reader(0, 1)
    batches = (read(step) for step in range(20))
    while course.skipped_in_a_row < BAD_STEPS:
        outcome = _timed_step(fit, course, batches)
    assert (course.step, course.updates, course.skipped) == (11, 2, 9)
    message = _why_stopped(fit.recipe, course.step - 1, outcome)
    assert all(f"row-{number}" in message for number in range(80, 88))
    assert "to step 11," in message
    assert len(course.recent) == 2


def test_the_model_is_that_of_the_best_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three evaluations are each better than the one before; a new process takes the best from the checkpoint."""
    reported: list[Path] = []

    def report(metrics: dict[str, Any], checkpoint: Any) -> None:
        reported.append(Path(shutil.copytree(checkpoint.path, tmp_path / f"checkpoint-{len(reported)}")))

    monkeypatch.setattr("ray.train.report", report)
    monkeypatch.setattr("ray.train.get_all_reported_checkpoints", lambda consistency_mode: None)
    given: dict[str, Any] = {"best_evaluation": 3, "train": {"evaluate_every": 2, "patience": 9}}
    fit, course = start(**given), Course()
    weights = {}
    for step in range(10):
        if step == 8:
            _report(fit, course, last=False)
            fit = start(**given)
            course = load(reported[0], fit.modules, fit.optimiser)
        take_step(fit, fit.recipe.reader(0, 1)(step), step)
        course.step = step + 1
        if course.step % 2 == 0:
            _evaluate(fit, course, None)
        weights[course.step] = [value.item() for value in fit.network.parameters()]
    assert (course.best, course.best_step, course.since_best) == (3, 6, 2)
    _report(fit, course, last=True)
    exported = eval((reported[1] / "model" / "weights.txt").read_text())
    assert [float(np.squeeze(value)) for value in exported] == weights[6] != weights[10]
    assert json.loads((reported[1] / "figures.json").read_text())["model_step"] == 6
