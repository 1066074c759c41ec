"""The runs that a benchmark adds to those of its table: a strength study, and live faces passed through generators."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

from difffas.errors import UserError
from factory import strength
from factory.ablate import runs_folder
from factory.ablate.graph import OWN, STATIONS, Graph, TableRun
from factory.benchmark import traces
from factory.benchmark.settings import BenchmarkConfig
from factory.core.config import Config, build, fingerprint
from factory.evaluate import EvaluateConfig
from factory.generate import GenerateConfig
from factory.models.generators import BUILT_IN
from factory.models.load import unet_config
from factory.models.people_sampler import makes_people
from factory.storage import Storage
from factory.strength import StrengthConfig

STRENGTH = strength.STATION
EXTRA_STATIONS: dict[str, tuple[Any, type[Config]]] = {
    **STATIONS,
    STRENGTH: (strength, StrengthConfig),
    traces.STATION: (traces, traces.PassConfig),
}
STRENGTH_DEFAULTS = {"split": "dev", "t0": [100, 200, 300, 400], "cfg_scale": [1.0, 2.0, 3.0, 4.0], "faces": 16}
NO_GENERATOR = "no row adds faces of a network"

Place = tuple[str, str, int]  # row, protocol, seed


def places(graph: Graph) -> dict[Place, str]:
    """The evaluation of every place that has one."""
    return {
        (each.row, each.protocol, each.seed): each.evaluation
        for each in graph.evaluations
        if each.evaluation is not None
    }


def evaluation_config(graph: Graph, evaluation: str) -> EvaluateConfig:
    """The settings of an evaluation."""
    return cast(EvaluateConfig, graph.runs[evaluation].config)


def generation_of(graph: Graph, evaluation: str) -> TableRun | None:
    """The run in which a network made the faces that a row adds; None if it adds none, or others."""
    waiting = [evaluation]
    while waiting:
        table_run = graph.runs[waiting.pop()]
        waiting += table_run.needs
        if isinstance(table_run.config, GenerateConfig):
            return None if table_run.config.inputs.generator in BUILT_IN else table_run
    return None


def check_noise(config: BenchmarkConfig, graph: Graph) -> None:
    """Refuse a T₀ of the pass or of the strength study above the timesteps of a generator's training.

    Raises:
        UserError: naming the setting and the limit.
    """
    asked = {} if config.traces is None else {"traces.t0": config.traces.t0}
    if (study := strength_run(config, graph)) is not None:
        asked["strength.t0"] = cast(StrengthConfig, study.config).t0[-1]
    made = [generation_of(graph, evaluation) for evaluation in places(graph).values()]
    for generation in {each.name: each for each in made if each is not None}.values():
        trained = _timesteps(graph, generation)
        for key, t0 in asked.items():
            if trained is not None and t0 > trained:
                raise UserError(f"{key} {t0}: a generator of this table is trained for T₀ up to {trained}; lower it")


def _timesteps(graph: Graph, generation: TableRun) -> int | None:
    """The timesteps of the generator of a run, which may be yet to be trained; None for one that has none."""
    for name in generation.needs:
        station, config = graph.runs[name].station, cast(Any, graph.runs[name].config)
        if station == "fit_dsdg":
            return None
        if station == "fit_generator":
            started = config.initial
            return int(config.network.timesteps if started is None else unet_config(Storage(started))["timesteps"])
    folder = Storage(cast(GenerateConfig, generation.config).inputs.generator)
    return None if makes_people(folder) else int(unet_config(folder)["timesteps"])


def strength_run(config: BenchmarkConfig, graph: Graph) -> TableRun | None:
    """The strength study of the first protocol's generator, on people of dev; None if no network makes faces."""
    for place, evaluation in places(graph).items():
        generation = generation_of(graph, evaluation)
        if generation is None or config.strength is None:
            continue
        settings = {**STRENGTH_DEFAULTS, **config.strength}
        name = _named(STRENGTH, {"generation": generation.name, "settings": settings})
        inputs = cast(GenerateConfig, generation.config).inputs.model_dump()
        given = {"inputs": inputs, "protocol": _protocol(place[1]), "out": f"{runs_folder(config)}/{name}"}
        return TableRun(name, STRENGTH, build(StrengthConfig, {**given, **settings}), ())
    return None


def trace_runs(config: BenchmarkConfig, graph: Graph, judged: Collection[Place], threads: int) -> dict[str, TableRun]:
    """One pass for each protocol with a network's faces: `judged` are the places whose classifiers are asked."""
    found: dict[str, TableRun] = {}
    if config.traces is None:
        return found
    evaluations = {place: name for place, name in places(graph).items() if place in judged}
    for protocol in dict.fromkeys(place[1] for place in evaluations):
        mine = {place: name for place, name in evaluations.items() if place[1] == protocol}
        generation = next((made for name in mine.values() if (made := generation_of(graph, name))), None)
        if generation is None:
            continue
        classifiers: dict[str, dict[int, str]] = {}
        for (row, _, seed), name in mine.items():
            classifiers.setdefault(row, {})[seed] = str(evaluation_config(graph, name).classifier)
        settings = config.traces.model_dump(mode="json")
        decisive = {"generation": generation.name, "asked": sorted(mine.values()), "settings": settings}
        name = _named(traces.STATION, decisive)
        inputs = cast(GenerateConfig, generation.config).inputs
        given = {
            "corpus": inputs.live,
            "protocol": _protocol(protocol),
            "split": evaluation_config(graph, next(iter(mine.values()))).split,
            "generator": inputs.generator,
            "classifiers": classifiers,
            "settings": settings,
            "threads": threads,
            "out": f"{runs_folder(config)}/{name}",
        }
        found[protocol] = TableRun(name, traces.STATION, build(traces.PassConfig, given), ())
    return found


def _protocol(name: str) -> str | None:
    return None if name == OWN else name


def _named(station: str, decisive: Mapping[str, Any]) -> str:
    return f"{station}-{fingerprint({'job': station, **decisive})[:16]}"
