"""Every YAML file that the project ships is a configuration of the station it is named after."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory.cli.stations import VERBS
from factory.core.config import build, load, read_yaml
from factory.pipeline import PipelineConfig, station_runs
from factory.storage.embedded import GENERATOR
from factory.train import check_resources
from factory.train.recipes import generator
from factory.train.recipes.classifier import FitClassifierConfig
from factory.train.recipes.generator import FitGeneratorConfig
from factory.train.recipes.sampling import SamplingConfig
from factory.train.recipes.style import FitStyleConfig, starting_point
from factory.tune import TuneConfig
from factory.tune.space import settings_of
from tests.compositions import LARGE, Held, held
from tests.root import ROOT

EXAMPLES = {
    **{"style": "fit-style", "own_style": "fit-style", "generator": "fit-generator", "own_generator": "fit-generator"},
    **{"generate": "generate", "nuaa": "prepare", "world": "world", "people": "world", "benchmark": "benchmark"},
    "benchmark_people": "benchmark",
    **{"teach": "generate", "aligned": "world", "people_generator": "fit-generator"},
    **{f"ablate_{table}": "ablate" for table in ("sampling", "generators", "combinations")},
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


def classifiers(file: Path) -> list[FitClassifierConfig]:
    """The classifiers that a file trains; of a search those at the ends of its share of generated rows."""
    stem = file.name.partition(".")[0]
    if stem == "fit_classifier":
        return [load(FitClassifierConfig, str(file))]
    if stem == "pipeline":
        chain = station_runs(load(PipelineConfig, str(file)))
        return [build(FitClassifierConfig, run.settings) for run in chain if run.model is FitClassifierConfig]
    if stem == "tune":
        search = load(TuneConfig, str(file))
        shares = search.search.generated_share
        assert shares is not None
        return [settings_of(search.fit, {"generated_share": share}, "out") for share in (shares.least, shares.most)]
    return []


TRAINED = [
    (file, config)
    for file in sorted([*FILES, *ROOT.glob("jobs/paper/fit_classifier*.yaml")])
    for config in classifiers(file)
    if config.generated
]


@pytest.mark.parametrize(("file", "config"), TRAINED, ids=[file.name for file, _ in TRAINED])
def test_a_batch_keeps_its_live_faces_however_many_spoofs_were_generated(
    file: Path, config: FitClassifierConfig
) -> None:
    size, share = config.train.batch_size, config.sampling.generated_share
    assert share is not None, "how much of a batch is generated must not follow from how much was generated"
    for batch in held(config.sampling, size):
        assert batch.generated == pytest.approx(share * size, abs=1)
        assert batch.live == pytest.approx(size / 4, abs=2)
        assert batch.spoofs
    if share == 0.5:
        assert set(held(config.sampling, size)) == {Held(size // 4, size // 4, size // 2)}


def test_without_shares_a_batch_loses_its_live_faces() -> None:
    """The figures of docs/training.md, over one pass."""
    passes = {"as many as there are": ({}, sum(LARGE)), "half": ({"generated_share": 0.5}, 2 * LARGE.generated)}
    found = {name: held(build(SamplingConfig, given), 64, batches=n // 64) for name, (given, n) in passes.items()}
    assert [round(float(np.mean([batch.live for batch in found[name]])), 1) for name in passes] == [3.9, 8.0]
    assert min(batch.live for batch in found["as many as there are"]) == 0


PAPER = ("fit_classifier.adam.yaml", "fit_classifier.sgd.yaml")  # the paper's steps, to the last


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_training_looks_at_held_out_people_and_keeps_the_best_model(file: Path) -> None:
    given = read_yaml(file)
    trainings: list[Any] = (
        [given] if file.name.startswith(("fit_", "style", "generator", "own_", "people_generator")) else []
    )
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


@pytest.mark.parametrize("station", ["fit_style", "fit_generator", "fit_student", "fit_dsdg", "fit_classifier"])
def test_each_fit_has_three_recipes_that_say_what_they_cost(station: str) -> None:
    workers = []
    for kind in ("", ".gpu-1", ".demo"):
        file = ROOT / "jobs" / f"{station}{kind}.yaml"
        assert "\n# Cost: " in file.read_text(encoding="utf-8")
        module, model = VERBS[station.replace("_", "-")]
        resources = load(getattr(importlib.import_module(module), model), str(file)).resources
        workers.append((resources.workers, resources.gpus_per_worker))
    assert workers == [(8, 1), (1, 1), (1, 0)]
