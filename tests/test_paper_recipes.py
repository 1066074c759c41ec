"""The recipes in jobs/paper are configurations of their stations, and docs/training.md has their values."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory import protocols
from factory.ablate.settings import AblateConfig
from factory.ablate.tables import Table, load_table
from factory.cli.stations import VERBS
from factory.core.config import load, read_yaml
from factory.core.documents import parse_yaml
from factory.generate import GenerateConfig
from factory.models import backbone, hub
from factory.train import check_resources
from factory.train.optimisers import learning_rate
from factory.train.recipes.generator import FitGeneratorConfig
from tests.ablations import graph_of, settings_of
from tests.root import ROOT

FOLDER = ROOT / "jobs" / "paper"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if not path.name.startswith("table_"))
NOT_METHOD = ("corpus", "generated", "style_encoder", "inputs", "out", "output", "plan", "resources")
TABLES = [path for path in FILES if path.name.startswith("ablate")]
DOCUMENT = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
SECTION = DOCUMENT.split("## Recipes of the release")[1].split("\n## ")[0]
LINES = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in SECTION.splitlines() if line.startswith("| ")
]


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pretrained backbones that the recipes name, as if the hub's cache had them."""
    for name in (hub.CONFIG, hub.WEIGHTS):
        (tmp_path / name).write_bytes(b"{}")
    monkeypatch.setattr(backbone, "find", lambda name: hub.Found(tmp_path, f"{name}@0"))


def leaves(values: dict[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """The settings of a file that belong to the method, by dotted name."""
    for name, value in values.items():
        dotted = f"{within}{name}"
        if isinstance(value, dict):
            yield from leaves(value, f"{dotted}.")
        elif dotted not in NOT_METHOD:
            yield dotted, value


def told() -> dict[str, dict[str, Any]]:
    """The values of the first table of the document, by file and setting."""
    found: dict[str, dict[str, Any]] = {}
    file = ""
    for line in LINES:
        if len(line) == 4 and line[2].startswith("`"):
            file = line[0].strip("`") or file
            found.setdefault(file, {})[line[1].strip("`")] = parse_yaml(line[2].strip("`"), "it")
    return found


def by_protocol() -> dict[str, dict[str, Any]]:
    """The values of the second table: of every classifier, by setting."""
    (head, *rows) = [line for line in LINES if len(line) == 6]
    names = [re.sub("`", "", cell) for cell in head]
    return {
        row[0].strip("`"): {
            name: parse_yaml(cell.strip("`"), "it")
            for name, cell in zip(names[1:], row[1:], strict=True)
            if cell != "–"
        }
        for row in rows
    }


def method(file: Path) -> dict[str, Any]:
    given = {key: value for key, value in read_yaml(file).items() if key not in NOT_METHOD}
    return dict(leaves(given))


def table_of(config: AblateConfig) -> Table:
    name = str(ROOT / config.table) if config.table.endswith(".yaml") else config.table
    return load_table(name).narrowed(config.protocols, config.seeds)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_is_a_configuration_of_its_station(file: Path) -> None:
    stem = file.name.partition(".")[0]
    if stem == "ablate":
        config = load(AblateConfig, str(file))
        graph = graph_of(table_of(config), **config.model_dump(exclude={"table", "corpus", "out", "runs"}))
        assert all(each.evaluation for each in graph.evaluations), "every row finds all that it needs"
        return
    module, model = VERBS[stem.replace("_", "-")]
    config = load(getattr(importlib.import_module(module), model), str(file))
    if stem.startswith("fit"):
        check_resources(config.train, config.resources, checkpointing=stem == "fit_generator")
    if stem == "fit_classifier":
        assert config.protocol in protocols.names()


@pytest.mark.parametrize("file", ["fit_style.yaml", "fit_generator.yaml", "generate.yaml"])
def test_the_document_has_every_value_of_a_station_and_no_other(file: str) -> None:
    assert method(FOLDER / file) == told()[file]


def test_the_document_has_every_value_of_the_classifiers_and_no_other() -> None:
    common = told()["fit_classifier.*.yaml"]
    files = {path.name.split(".")[1]: path for path in FOLDER.glob("fit_classifier.*.yaml")}
    assert files.keys() == by_protocol().keys()
    for name, own in by_protocol().items():
        assert method(files[name]) == {**common, **own}, name


def test_adam_is_for_icm_o_and_wmca_and_sgd_for_the_rest() -> None:
    for name, own in by_protocol().items():
        small = name == "icm-o" or name in ("wmca", "wmca-padisi")
        assert (own["train.optimizer"], own["train.learning_rate"]) == (("adam", 1e-4) if small else ("sgd", 2e-3))


def test_what_the_release_s_values_mean() -> None:
    fit = load(FitGeneratorConfig, str(FOLDER / "fit_generator.yaml"))
    assert fit.train.steps == 400 * 5912 // fit.train.batch_size
    assert learning_rate(fit.train, 0) == pytest.approx(0.04 * 1e-5) and learning_rate(fit.train, 5000) == 1e-5
    assert (fit.ema_copy_steps, fit.mirror, fit.train.clip_norm) == (5000, False, None)
    sampler = load(GenerateConfig, str(FOLDER / "generate.yaml")).sampler
    assert (sampler.steps, sampler.t0, sampler.cfg_scale) == (25, (250, 250), (2.0, 2.0))


@pytest.mark.parametrize("file", TABLES, ids=lambda path: path.name)
def test_tables_have_the_values_of_the_stations_files(file: Path) -> None:
    given: dict[str, Any] = dict(read_yaml(file))
    for station in ("fit_style", "fit_generator", "generate"):
        assert method(FOLDER / f"{station}.yaml").items() <= dict(leaves(given[station])).items(), station
    common = {name: value for name, value in told()["fit_classifier.*.yaml"].items() if name != "backbone"}
    assert common.items() <= dict(leaves(given["fit_classifier"])).items()
    config = load(AblateConfig, str(file))
    table = table_of(config)
    own = {each["protocol"]: each for each in by_protocol().values()}
    own |= {name: own["wmca-grandtest"] for name in table.protocols if name.startswith("wmca-loo-")}
    graph = graph_of(table, **config.model_dump(exclude={"table", "corpus", "out", "runs"}))
    for fit in settings_of(graph, "fit_classifier"):
        wanted = own[fit.protocol]
        assert fit.backbone.split(".")[0] in ("resnet18", "mobilevit_s") and "." in fit.backbone, "pretrained"
        assert (fit.train.optimizer, fit.train.learning_rate, fit.train.steps) == tuple(
            wanted[f"train.{name}"] for name in ("optimizer", "learning_rate", "steps")
        )
