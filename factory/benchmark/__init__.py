"""The open benchmark: an ablation table on rendered people, with paired differences, pictures and a page.

The table's runs are those of `factory.ablate`; this room adds every figure of their evaluations, differences to the
baseline with intervals over people and seeds, ROC, a map of features, a strength study, and a test of the generator's
own traces.
"""

from __future__ import annotations

import itertools
import json
from typing import TypedDict

from difffas.errors import UserError
from factory.ablate import Forecast, Gaps, Unit, expand, gaps, make, runs_folder, unit_of
from factory.ablate import forecast as forecast_of_table
from factory.ablate.graph import OWN, Graph, TableRun
from factory.ablate.tables import Table
from factory.benchmark import extras, outputs
from factory.benchmark.evaluations import Evaluations
from factory.benchmark.maps import maps_of
from factory.benchmark.outputs import Found
from factory.benchmark.results import (
    DifferenceRecord,
    MeanRecord,
    difference_records,
    families_of,
    mean_records,
    results_of,
    verdicts,
)
from factory.benchmark.settings import BenchmarkConfig as BenchmarkConfig
from factory.benchmark.settings import FeaturesConfig
from factory.benchmark.traces import Trace, bpcer_changes
from factory.core.config import load
from factory.core.documents import JsonObject
from factory.core.progress import say
from factory.protocols import check, open_corpus
from factory.protocols import load as load_protocol
from factory.run import Run
from factory.storage import Storage

STATION = "benchmark"
OWN_SETTINGS = ("baseline", "judged_by", "families", "resamples", "strength", "traces", "features")


class BenchmarkSummary(TypedDict):
    """The summary of a benchmark: every figure is a fraction of 1; `left_out` says why a part is missing."""

    benchmark: str
    table: JsonObject
    unit: Unit
    baseline: str
    people: int
    verdicts: list[str]
    gaps: dict[str, str]
    left_out: dict[str, str]
    means: list[MeanRecord]
    differences: list[DifferenceRecord]
    traces: list[Trace]


def command(path: str | None, overrides: list[str], dry_run: bool) -> Forecast | BenchmarkSummary:
    """Implements `difffas benchmark`: run it, or forecast its runs."""
    config = load(BenchmarkConfig, path, overrides)
    return forecast(config) if dry_run else run(config)


def forecast(config: BenchmarkConfig) -> Forecast:
    """The runs that `run` would make, in order, and which are finished; writes nothing."""
    found = forecast_of_table(config.ablation())
    _, graph = _expanded(config)
    storage = Storage(runs_folder(config))
    study = extras.strength_run(config, graph)
    passes = extras.trace_runs(config, graph, set(extras.places(graph)), _threads(config))
    for extra in (*([study] if study else []), *passes.values()):
        finished = storage.exists(f"{extra.name}/summary.json")
        found["runs"].append({"run": extra.name, "job": extra.station, "finished": finished, "needs": []})
        found["finished" if finished else "left"] += 1
    return found


def run(config: BenchmarkConfig) -> BenchmarkSummary:
    """Write `OUT/benchmark.html`, `benchmark.md`, `results.csv`, `differences.csv`, pictures and the summary.

    A benchmark with gaps is written below `OUT/gaps/`, under the next number whenever it changed; a second call
    retries failed runs.

    Raises:
        UserError: before anything is written, if the table, the corpus, a protocol or settings have a mistake.
        Gaps: at the end, if a row lacks an evaluation.
        OSError: if a store or disk failed, which would affect the other runs too.
    """
    table, graph = _expanded(config)
    baseline, unit = config.baseline or table.rows[0].name, unit_of(config)
    study = extras.strength_run(config, graph)
    identity = {
        "table": table.model_dump(mode="json"),
        "unit": unit,
        "places": [each.evaluation or each.reason for each in graph.evaluations],
        **config.model_dump(mode="json", include=set(OWN_SETTINGS)),
    }
    claim = Run(config.out, STATION, identity, config)
    if (finished := claim.summary(BenchmarkSummary)) is not None:
        return finished
    storage = Storage(runs_folder(config))
    faults = make(storage, list(graph.runs.values()))
    evaluations = Evaluations(storage, graph.evaluations, faults, unit, config.resamples)
    families = results_of(table, evaluations, families_of(table, config.families), baseline)
    left_out: dict[str, str] = {}
    found = Found(
        table=table,
        unit=unit,
        baseline=baseline,
        metric=config.judged_by,
        evaluations=evaluations,
        families=families,
        verdicts=verdicts(families, config.judged_by),
        traces=_traces(config, storage, graph, evaluations, left_out),
        maps=_maps(config, graph, evaluations, baseline, left_out),
        strength=_strength(config, storage, study, left_out),
        left_out=left_out,
        generation_seed=config.generation_seed,
        given=config.generated or config.generator,
    )
    return _commit(claim, found)


def _expanded(config: BenchmarkConfig) -> tuple[Table, Graph]:
    """The table and its runs, after a check of what would be a missing part hours later."""
    table, graph = expand(config.ablation())
    _check_names(config, table)
    for protocol in table.protocols:
        if protocol != OWN:
            check(open_corpus(config.corpus, protocol), ("train", "test"))
    extras.check_noise(config, graph)
    return table, graph


def _check_names(config: BenchmarkConfig, table: Table) -> None:
    """Raise UserError for a row, column or protocol that is missing."""
    rows = [row.name for row in table.rows]
    features = config.features or FeaturesConfig()
    asked = {
        "baseline": ("row", (config.baseline,), rows),
        "judged_by": ("column", (config.judged_by,), table.columns),
        "features.rows": ("row", features.rows or (), rows),
        "features.protocol": ("protocol", (features.protocol,), table.protocols),
    }
    for key, (kind, names, known) in asked.items():
        for name in names:
            if name is not None and name not in known:
                raise UserError(f"table {table.name} has no {kind} {name!r} for {key}: it has {', '.join(known)}")
    for name in itertools.chain.from_iterable(config.families.values()):
        if name not in (OWN, *table.protocols):
            load_protocol(name)  # not of this table, but it exists


def _threads(config: BenchmarkConfig) -> int:
    threads = config.evaluate.get("threads", 2)
    return threads if isinstance(threads, int) else 2


def _traces(
    config: BenchmarkConfig, storage: Storage, graph: Graph, evaluations: Evaluations, left_out: dict[str, str]
) -> list[Trace]:
    """The passes of all protocols, made and read."""
    passes = extras.trace_runs(config, graph, set(evaluations.judged), _threads(config))
    if not passes:
        left_out["own traces"] = "not asked for" if config.traces is None else _why_no_pass(graph)
        return []
    faults = make(storage, list(passes.values()), extras.EXTRA_STATIONS)
    for reason in faults.values():
        left_out["own traces"] = reason
    adds: dict[str, bool] = {}
    for (row, *_), evaluation in extras.places(graph).items():
        adds[row] = adds.get(row, False) or extras.generation_of(graph, evaluation) is not None
    folders = {
        protocol: Storage(storage.path(each.name)) for protocol, each in passes.items() if each.name not in faults
    }
    return bpcer_changes(folders, evaluations, adds)


def _why_no_pass(graph: Graph) -> str:
    if any(extras.generation_of(graph, evaluation) for evaluation in extras.places(graph).values()):
        return "no classifier with faces of a network has been evaluated"
    return extras.NO_GENERATOR


def _strength(
    config: BenchmarkConfig, storage: Storage, study: TableRun | None, left_out: dict[str, str]
) -> Storage | None:
    """The folder of the strength study; None with a reason."""
    if study is None:
        left_out["strength"] = "not asked for" if config.strength is None else extras.NO_GENERATOR
        return None
    faults = make(storage, [study], extras.EXTRA_STATIONS)
    if reason := faults.get(study.name):
        left_out["strength"] = reason
        return None
    return Storage(storage.path(study.name))


def _maps(
    config: BenchmarkConfig, graph: Graph, evaluations: Evaluations, baseline: str, left_out: dict[str, str]
) -> list[outputs.Map]:
    """The maps of one protocol and the first seed."""
    asked = config.features
    if asked is None:
        left_out["features"] = "not asked for"
        return []
    protocol = asked.protocol or graph.evaluations[0].protocol
    seed = evaluations.seeds[0]
    places = {place: name for place, name in extras.places(graph).items() if place in evaluations.judged}
    mine = {row: name for (row, of, number), name in places.items() if (of, number) == (protocol, seed)}
    adding = [row for row, name in mine.items() if extras.generation_of(graph, name) is not None]
    rows = [row for row in asked.rows or (baseline, *adding[:1]) if row in mine]
    if not rows:
        left_out["features"] = f"no classifier of {protocol}, seed {seed}, has been evaluated"
        return []
    say(f"{STATION}: a map of features for {len(rows)} rows")
    try:
        return maps_of({row: extras.evaluation_config(graph, mine[row]) for row in rows}, asked, _threads(config))
    except UserError as error:
        left_out["features"] = str(error)
        return []


def _commit(claim: Run, found: Found) -> BenchmarkSummary:
    """Write all files, and close the run unless it has gaps."""
    summary: BenchmarkSummary = {
        "benchmark": found.table.title,
        "table": found.table.model_dump(mode="json"),
        "unit": found.unit,
        "baseline": found.baseline,
        "people": len(found.evaluations.people),
        "verdicts": [f"{each.row}, {each.family}: {each.text}" for each in found.verdicts],
        "gaps": found.evaluations.gaps,
        "left_out": found.left_out,
        "means": mean_records(found.families),
        "differences": difference_records(found.families),
        "traces": found.traces,
    }
    files = outputs.files(found)
    if not found.evaluations.gaps:
        for name, data in files.items():
            claim.storage.create(name, data)
        say(f"{STATION}: {claim.storage.path(outputs.PAGE)}")
        return claim.finish(summary)
    text = json.dumps(summary, indent=2, ensure_ascii=False).encode()
    folder = gaps.keep(claim.storage, text, {f"/{name}": data for name, data in files.items()})
    missing = list(found.evaluations.gaps)
    raise Gaps(
        f"{len(missing)} of {len(missing) + len(found.evaluations.judged)} evaluations are missing, "
        f"{'; '.join(missing[:5])}{' …' if len(missing) > 5 else ''}: "
        f"{claim.storage.path(folder)}/{outputs.PAGE} says why; running it again tries what failed"
    )
