"""Every YAML file that the project ships is a configuration of the station it is named after."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from factory.cli.stations import VERBS
from factory.core.config import build, load, read_yaml
from factory.storage.embedded import GENERATOR
from factory.train import check_resources
from factory.train.recipes import generator
from factory.train.recipes.generator import FitGeneratorConfig
from factory.train.recipes.style import FitStyleConfig, starting_point
from tests.root import ROOT

EXAMPLES = {
    **{"style": "fit-style", "own_style": "fit-style", "generator": "fit-generator", "own_generator": "fit-generator"},
    **{"generate": "generate", "nuaa": "prepare", "world": "world", "people": "world", "benchmark": "benchmark"},
    "teach": "generate",
}
NEEDED = {"nuaa.yaml": ["weights=mobilenet0.25_Final.pth"]}  # as its comment says
FILES = sorted([*ROOT.glob("jobs/*.yaml"), *ROOT.glob("examples/*.yaml")])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_loads(file: Path) -> None:
    stem = file.name.partition(".")[0]
    verb = EXAMPLES[stem] if file.parent.name == "examples" else stem.replace("_", "-")
    module, model = VERBS[verb]
    config = load(getattr(importlib.import_module(module), model), str(file), NEEDED.get(file.name, []))
    if verb.startswith("fit-"):
        check_resources(config.train, config.resources, checkpointing=verb == "fit-generator")


PAPER = ("fit_classifier.adam.yaml", "fit_classifier.sgd.yaml")  # the paper's steps, to the last


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_training_looks_at_held_out_people_and_keeps_the_best_model(file: Path) -> None:
    given = read_yaml(file)
    trainings: list[Any] = [given] if file.name.startswith(("fit_", "style", "generator", "own_")) else []
    trainings += [given[name] for name in given if name.startswith("fit_") and file.name.startswith("pipeline")]
    for training in trainings if file.name not in PAPER else []:
        assert training["train"]["patience"] * training["train"]["evaluate_every"] <= training["train"]["steps"]


def test_the_recipes_for_own_styles_fit_together() -> None:
    style = load(FitStyleConfig, str(ROOT / "examples" / "own_style.yaml"))
    given = load(FitGeneratorConfig, str(ROOT / "examples" / "own_generator.yaml"))
    assert (given.style_encoder, given.initial) == (style.out, style.initial)
    started, _ = starting_point(build(FitStyleConfig, {"corpus": "x", "out": "y", "initial": GENERATOR}))
    plain = build(FitGeneratorConfig, {"corpus": "x", "out": "y", "initial": GENERATOR})
    network = generator.starting_point(plain)[0].network
    assert list(started.network.channels[1:]) == [network.base_channels * n for n in network.channel_multipliers[3:]]


@pytest.mark.parametrize("station", ["fit_style", "fit_generator", "fit_student", "fit_classifier"])
def test_each_fit_has_three_recipes_that_say_what_they_cost(station: str) -> None:
    workers = []
    for kind in ("", ".gpu-1", ".demo"):
        file = ROOT / "jobs" / f"{station}{kind}.yaml"
        assert "\n# Cost: " in file.read_text(encoding="utf-8")
        module, model = VERBS[station.replace("_", "-")]
        resources = load(getattr(importlib.import_module(module), model), str(file)).resources
        workers.append((resources.workers, resources.gpus_per_worker))
    assert workers == [(8, 1), (1, 1), (1, 0)]
