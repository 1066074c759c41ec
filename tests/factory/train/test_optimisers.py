"""Optimisers and learning rates by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from difffas.errors import UserError
from factory.core.config import build
from factory.train import TrainConfig, TrainResources
from factory.train.checkpoints import tensors
from factory.train.loop import Fit, prepare, take_step
from factory.train.optimisers import learning_rate, make_optimiser
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


@pytest.mark.parametrize("updates", [0, 3])
def test_sgd_is_the_heavy_ball(updates: int) -> None:
    """v ← 0.9 v + g, θ ← θ − 0.02 v, even where the buffers were made before the first step."""
    fit = start(train={"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.02}, steps=20)
    weight = next(fit.network.parameters())
    tensors(fit.recipe.modules, fit.optimiser)
    velocity = torch.zeros_like(weight)
    for step in range(updates + 1):
        before = weight.detach().clone()
        take_step(fit, fit.recipe.reader(0, 1)(step), step)
        assert weight.grad is not None
        velocity = 0.9 * velocity + weight.grad
        torch.testing.assert_close(weight.detach(), before - 0.02 * velocity)


def test_the_rate_rises_in_a_line_and_falls_in_half_a_cosine() -> None:
    given = TrainConfig(steps=30, batch_size=4, learning_rate=0.2, warmup_steps=10, cosine_decay=True)
    rates = [learning_rate(given, step) for step in range(31)]
    assert rates[:10] == pytest.approx([0.02 * (step + 1) for step in range(10)])
    assert rates[10] == 0.2 and rates[20] == pytest.approx(0.1) and rates[30] == pytest.approx(0.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    even = given.model_copy(update={"cosine_decay": False})
    assert {learning_rate(even, step) for step in range(10, 30)} == {0.2}


@pytest.mark.parametrize(
    ("name", "kind"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)]
)
def test_optimisers_have_the_settings_of_their_configuration(name: Any, kind: type) -> None:
    given = TrainConfig(steps=2, batch_size=2, learning_rate=0.3, weight_decay=0.1, optimizer=name, momentum=0.7)
    made = make_optimiser(torch.nn.Linear(2, 1), given)
    assert type(made) is kind
    assert (made.defaults["lr"], made.defaults["weight_decay"]) == (0.3, 0.1)
    assert made.defaults.get("momentum", 0.7) == 0.7 and made.defaults.get("dampening", 0) == 0


def test_the_release_s_warm_up_begins_with_four_percent() -> None:
    """At the n-th step, n from 1 to 5001: rate · (0.04 + 0.96 · (n − 1) / 5000)."""
    given = TrainConfig(steps=9000, batch_size=4, learning_rate=1e-5, warmup_steps=5000, warmup_start=0.04)
    for n in (1, 2, 2501, 5000, 5001):
        assert learning_rate(given, n - 1) == pytest.approx(1e-5 * (0.04 + 0.96 * (n - 1) / 5000), rel=1e-12)
    assert learning_rate(given, 8999) == 1e-5
    flat = given.model_copy(update={"warmup_start": 1.0})
    assert {learning_rate(flat, step) for step in (0, 7, 4999, 5000)} == {1e-5}


def test_a_training_without_a_start_of_the_warm_up_keeps_its_fingerprint() -> None:
    given = TrainConfig(steps=9, batch_size=4, learning_rate=1e-5, warmup_steps=5)
    assert "warmup_start" not in given.model_dump(mode="json")
    with pytest.raises(UserError, match="warmup_start is where the warm-up begins: set train.warmup_steps too"):
        build(TrainConfig, {"steps": 9, "batch_size": 4, "learning_rate": 1e-5, "warmup_start": 0.04})
