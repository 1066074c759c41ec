"""A training resumes from a whole checkpoint only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from difffas.errors import UserError
from factory.train import TrainConfig, TrainResources
from factory.train.checkpoints import Course, load, save, tensors
from factory.train.loop import Fit, prepare, take_step
from tests.broken_models import WEIGHTS, Spoil, with_tensors
from tests.toy_recipe import ToyRecipe, toy_settings


def modules() -> tuple[dict[str, torch.nn.Module], torch.optim.Optimizer]:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    return {"network": network}, torch.optim.AdamW(network.parameters())


def course_with(**changed: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "course.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return spoil


TRAINING: dict[str, tuple[Spoil, str]] = {
    **{name: WEIGHTS[name] for name in ("misshapen", "whole numbers")},
    "one unknown": (WEIGHTS["one unknown"][0], "extra"),
    "nan": (WEIGHTS["nan"][0], "holds NaN or infinity in "),
    "infinity": (WEIGHTS["infinity"][0], "holds NaN or infinity in "),
    "truncated": (WEIGHTS["truncated"][0], "is broken"),
    "one missing": (with_tensors(lambda tensors: tensors.pop("network.0.weight")), "missing: network.0.weight"),
    "a moment missing": (with_tensors(lambda t: t.pop("optimiser.exp_avg.0.weight")), "missing: optimiser.exp_avg"),
    "empty": (WEIGHTS["empty"][0], "is broken"),
    "course a list": (lambda folder: (folder / "course.json").write_text("[]"), "holds a list"),
    "course too deep": (lambda folder: (folder / "course.json").write_text("[" * 100_000), "nested too deeply"),
    "no course": (lambda folder: (folder / "course.json").unlink(), "course.json does not exist"),
    "course of another": (course_with(epoch=3), "key 'epoch' is unknown"),
    "step below zero": (course_with(step=-1), "step is -1"),
    "step a text": (course_with(step="5"), "step is 5"),
}


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@pytest.mark.parametrize("fault", TRAINING)
def test_a_training_resumes_from_a_whole_checkpoint_only(fault: str, tmp_path: Path) -> None:
    save(tmp_path, *modules(), Course(step=7), first=True)
    assert load(tmp_path, *modules()).step == 7
    (weights,) = tmp_path.glob("*.safetensors")
    with safe_open(weights, "pt") as file:
        facts = file.metadata()
    spoil, message = TRAINING[fault]
    spoil(tmp_path)
    keep_metadata(weights, facts)
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path, *modules())
    assert type(caught.value) is UserError  # what ends a run at once
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def start(steps: int = 20, **given: Any) -> Fit:
    chosen = {"learning_rate": 0.05, **given.pop("train", {})}
    train = TrainConfig(steps=steps, batch_size=8, **chosen)
    resources = TrainResources(gpus_per_worker=0, threads=1, read_ahead=0)
    settings = toy_settings(train, resources, **given)
    return prepare(ToyRecipe(settings), settings, torch.device("cpu"))


def state(fit: Fit) -> dict[str, torch.Tensor]:
    """Weights, buffers, moments; copies."""
    return {name: value.clone() for name, value in tensors(fit.recipe.modules, fit.optimiser).items()}


OPTIMISERS: dict[str, dict[str, Any]] = {
    "adamw": {"weight_decay": 0.1},
    "adam": {"optimizer": "adam", "weight_decay": 0.1},
    "sgd": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.02},
    "plain sgd": {"optimizer": "sgd", "momentum": 0.0, "learning_rate": 0.02},
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_checkpoint_takes_up_the_optimiser_as_it_was(name: str, tmp_path: Path) -> None:
    """Twelve steps at once, and with a new process after the fifth: the same bits, moments included."""
    whole, first, second = (start(batch_norm=True, train=OPTIMISERS[name]) for _ in range(3))
    for fit, steps in ((whole, range(12)), (first, range(5))):
        for step in steps:
            take_step(fit, fit.recipe.reader(0, 1)(step), step)
    save(tmp_path, first.recipe.modules, first.optimiser, Course(step=5, updates=5), True)
    course = load(tmp_path, second.recipe.modules, second.optimiser)
    assert course.step == 5
    for step in range(5, 12):
        take_step(second, second.recipe.reader(0, 1)(step), step)
    expected = state(whole)
    found = state(second)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], value) for key, value in expected.items())
    moments = {key.split(".")[1] for key in found if key.startswith("optimiser.")}
    assert moments == ({"momentum_buffer"} if "sgd" in name else {"exp_avg", "exp_avg_sq"})
    if name != "plain sgd":
        assert all(bool(found[key].any()) for key in found if key.startswith("optimiser."))


def keep_metadata(weights: Path, facts: dict[str, str]) -> None:
    """What torch writes beside the tensors, such as where a shard begins, as far as the file is still whole."""
    try:
        tensors = load_file(weights)
    except SafetensorError:
        return
    save_file(tensors, weights, metadata=facts)


def test_a_loss_is_a_number_from_the_first_step_that_counted() -> None:
    assert Course(step=3, skipped=3).loss is None
    assert Course(step=2, recent=[0.5, 0.25]).loss == 0.375
    assert Course(step=5, recent=[9.0], curve=[[2, 0.375], [4, 0.125]]).loss == 0.125
