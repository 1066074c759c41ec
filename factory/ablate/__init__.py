"""Fill an ablation table: run the stations that its rows need, and put the figures side by side.

Every run is an ordinary run of its station in its own folder, so a killed ablation resumes where it stopped, and rows
that share a style encoder, a generator or generated faces share the run. A failed run leaves a gap with its reason.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
import pyarrow.compute as pc

from difffas.errors import UserError
from factory.ablate import gaps
from factory.ablate.figures import Cell, CellRecord, cells_of, csv_of, markdown_of
from factory.ablate.graph import STATIONS, Graph, RowEvaluation, TableRun
from factory.ablate.settings import AblateConfig as AblateConfig
from factory.ablate.settings import Unit as Unit
from factory.ablate.tables import Seeds as Seeds
from factory.ablate.tables import Table, load_table
from factory.ablate.tables import titles as titles_of_tables
from factory.core.config import Config as Config
from factory.core.config import PathOfProtocol as PathOfProtocol
from factory.core.config import PathOrUrl as PathOrUrl
from factory.core.config import load
from factory.core.documents import JsonObject
from factory.core.errors import Quarantined, Stalled
from factory.core.progress import duration, say
from factory.corpus import Corpus
from factory.evaluate import EvaluationSummary, UnitMetrics, metrics_of
from factory.evaluate.scores import SCORES
from factory.models.generators import BUILT_IN
from factory.models.load import encoder_digest, model_digest
from factory.protocols import open_corpus
from factory.run import Run, read_claim, read_summary, refuse_read_only
from factory.storage import Storage
from factory.storage.s3_retry import Refused
from factory.train import TrainResources as TrainResources
from factory.train.recipes.classifier import FitClassifierConfig
from factory.train.recipes.losses import goes_by_quality

STATION = "ablate"
MARKDOWN, LONG = "table.md", "table.csv"


class Tables(TypedDict):
    """The titles of the tables in the package, by name."""

    tables: dict[str, str]


class PlannedRun(TypedDict):
    """A run of a table, and the names of the runs that it needs."""

    run: str
    job: str
    finished: bool
    needs: list[str]


class Forecast(TypedDict):
    """The runs that a table needs below `folder`, in order; `empty` says which figures stay missing, and why."""

    table: str
    folder: str
    runs: list[PlannedRun]
    finished: int
    left: int
    empty: list[str]


class AblationSummary(TypedDict):
    """The summary of an ablation; `table` is its configuration, `gaps` gives the reason for each unfilled cell."""

    ablation: str
    table: JsonObject
    unit: Unit
    gaps: dict[str, str]
    cells: list[CellRecord]


class Gaps(Quarantined):
    """Raised when an ablation is complete, but some cells are empty or lack seeds; the other cells are filled."""


def command(
    table: str | None, path: str | None, overrides: list[str], dry_run: bool
) -> Tables | Forecast | AblationSummary:
    """Implements `difffas ablate`: list the tables if nothing is given, else run a table or forecast its runs."""
    if table is None and path is None:
        return {"tables": titles_of_tables()}
    named = table is not None and "=" not in table  # otherwise the argument is the first override
    first = [] if table is None else [f"table={json.dumps(table)}" if named else table]
    config = load(AblateConfig, path, [*first, *overrides])
    return forecast(config) if dry_run else run(config)


def forecast(config: AblateConfig) -> Forecast:
    """The runs that `run` would make, in order, and which are finished; writes nothing."""
    table, graph = expand(config)
    storage = Storage(runs_folder(config))
    runs: list[PlannedRun] = [
        {
            "run": table_run.name,
            "job": table_run.station,
            "finished": _finished(storage, table_run),
            "needs": list(table_run.needs),
        }
        for table_run in graph.runs.values()
    ]
    return {
        "table": table.name,
        "folder": storage.url,
        "runs": runs,
        "finished": sum(run["finished"] for run in runs),
        "left": sum(not run["finished"] for run in runs),
        "empty": [
            f"{each.row} / {each.protocol}, seed {each.seed}: {each.reason}"
            for each in graph.evaluations
            if each.evaluation is None
        ],
    }


def run(config: AblateConfig) -> AblationSummary:
    """Write `OUT/table.md`, `table.csv` and the summary: the table and its cells.

    A table with gaps is written as `OUT/gaps/0001.md`, `.csv` and `.json`, then 0002 and so on, whenever it changed. A
    second call retries failed runs.

    Raises:
        UserError: before anything is written, if the table, the corpus, a protocol or settings have a mistake.
        Gaps: at the end, if a cell is empty or lacks a seed.
        OSError: if a store or disk failed, which would affect the other runs too.
    """
    table, graph = expand(config)
    unit = unit_of(config)
    identity = {
        "table": table.model_dump(mode="json"),
        "unit": unit,
        "places": [each.evaluation or each.reason for each in graph.evaluations],
    }
    claim = Run(config.out, STATION, identity, config)
    if (finished := claim.summary(AblationSummary)) is not None:
        return finished
    storage = Storage(runs_folder(config))
    faults = make(storage, list(graph.runs.values()))
    figure = functools.partial(figure_of, storage, unit, faults)
    cells = cells_of(table, graph.evaluations, figure)
    return _commit(claim, table, cells, unit)


def expand(config: AblateConfig) -> tuple[Table, Graph]:
    """The table with the configuration's protocols and seeds, and its runs."""
    refuse_read_only(runs_folder(config))  # otherwise each run would fail by itself
    table = load_table(config.table).narrowed(config.protocols, config.seeds)
    return table, Graph(config, table, Storage(runs_folder(config)).url, functools.cache(digest))


def unit_of(config: AblateConfig) -> Unit:
    """The unit of the figures: if none is given, `video` if a recording of the corpus has several real frames."""
    if config.unit is not None:
        return config.unit
    corpus = Corpus(config.corpus)
    real = corpus.index.filter(pc.and_(pc.is_null(corpus.index["guide_key"]), pc.is_valid(corpus.index["capture"])))
    recordings = real.group_by(["split", "domain", "attack", "subject", "capture"]).aggregate([])
    return "video" if recordings.num_rows < real.num_rows else "frame"


def digest(kind: str, url: str) -> str:
    """Digest of an input's content; raises UserError for a folder that does not hold an input of this kind."""
    if kind == "corpus":
        return Corpus(url).digest
    if kind == "generator":
        return url if url in BUILT_IN else model_digest(Storage(url))
    if kind == "initial_encoder":
        return encoder_digest(Storage(url))
    claim: str = read_claim(Storage(url))["fingerprint"]
    return claim


def runs_folder(config: AblateConfig) -> str:
    """The folder of the runs."""
    return config.runs or f"{config.out.rstrip('/')}/runs"


def make(
    storage: Storage, table_runs: list[TableRun], stations: Mapping[str, tuple[Any, type[Config]]] = STATIONS
) -> dict[str, str]:
    """Make all unfinished runs; return, per run without a result, the reason: its own fault or an input's."""
    faults: dict[str, str] = {}
    for number, table_run in enumerate(table_runs, start=1):
        before = next((faults[name] for name in table_run.needs if name in faults), None)
        if before is not None:
            faults[table_run.name] = before
        elif not _finished(storage, table_run):
            started = time.monotonic()
            say(f"ablate: {number}/{len(table_runs)} {table_run.name}")
            fault = _attempt(table_run, stations)
            if fault is not None:
                faults[table_run.name] = f"{table_run.name}: {fault}"
            say(f"ablate: {table_run.name} {fault or 'finished'} ({duration(time.monotonic() - started)})")
    return faults


def _attempt(table_run: TableRun, stations: Mapping[str, tuple[Any, type[Config]]]) -> str | None:
    """Run a station; return its fault in one line, but raise a fault that every other run would meet too."""
    try:
        if isinstance(table_run.config, FitClassifierConfig):
            check_scores(table_run.config)
        stations[table_run.station][0].run(table_run.config)
    except FileNotFoundError as error:
        return _one_line(error)
    except (OSError, Stalled, Refused):
        raise
    except Exception as error:  # any other fault belongs to this run
        return _one_line(error)
    return None


def check_scores(config: FitClassifierConfig) -> None:
    """Refuse a loss of relative quality if no training row has a BRISQUE score: all rows would have q = 0."""
    if not goes_by_quality(config.loss):
        return
    for url in filter(None, (config.corpus, config.generated)):
        corpus = open_corpus(url, config.protocol)
        scores = corpus.column("brisque")[corpus.where(split=config.split)].astype(np.float64)
        if np.isfinite(scores).any():
            return
    raise UserError(
        f"loss {config.loss.name!r} needs the column brisque, and no row of split {config.split!r} has a score"
    )


def _one_line(error: Exception) -> str:
    """An error's message; if it includes a traceback, its last line."""
    error = getattr(error, "cause", None) or error  # Ray wraps a task's error with its traceback
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no message"]
    text = " ".join(lines) if isinstance(error, ValueError | Quarantined) else f"{type(error).__name__}: {lines[-1]}"
    return text[:300]


def _finished(storage: Storage, table_run: TableRun) -> bool:
    return storage.exists(f"{table_run.name}/summary.json")


def figure_of(storage: Storage, unit: Unit, faults: dict[str, str], each: RowEvaluation, metric: str) -> float | str:
    """A metric of a row's evaluation, or the reason why it is missing."""
    if each.evaluation is None:
        return each.reason
    if each.evaluation in faults:
        return faults[each.evaluation]
    summary = read_summary(Storage(storage.path(each.evaluation)), EvaluationSummary)
    assert summary is not None, "the run is finished"
    if metric not in summary:  # an evaluation of an earlier version; all metrics follow from its scores
        summary = _measured_anew(Storage(storage.path(each.evaluation)))
    video = summary["video"]  # None if every recording has one frame: equal figures
    found: UnitMetrics = video if unit == "video" and video is not None else summary
    value = found.get(metric)
    return value if isinstance(value, int | float) else _why(found, metric)


def _measured_anew(folder: Storage) -> EvaluationSummary:
    settings = read_claim(folder)["identity"]
    split, dev_split = (settings[name] for name in ("split", "dev_split"))
    return metrics_of(folder.read(SCORES), str(split), None if dev_split is None else str(dev_split), resamples=0)


def _why(found: UnitMetrics, metric: str) -> str:
    for count, kind in ((found["n_live"], "live face"), (found["n_spoof"], "attack")):
        if not count:
            return f"the test split holds no {kind}"
    if "@dev" in metric and not (found["n_dev_live"] and found["n_dev_spoof"]):
        return f"{metric} needs a development split with live faces and attacks"
    return f"the evaluation has no {metric}"


def _commit(claim: Run, table: Table, cells: list[Cell], unit: Unit) -> AblationSummary:
    """Write the table, and close the run unless it has gaps."""
    empty = [cell for cell in cells if not cell.filled]
    summary: AblationSummary = {
        "ablation": table.title,
        "table": table.model_dump(mode="json"),
        "unit": unit,
        "gaps": {cell.name: " | ".join(dict.fromkeys(cell.reasons.values())) for cell in empty},
        "cells": [cell.record() for cell in cells],
    }
    markdown, long = markdown_of(table, cells, unit).encode(), csv_of(cells).encode()
    if not empty:
        claim.storage.create(MARKDOWN, markdown)
        claim.storage.create(LONG, long)
        say(f"ablate: {claim.storage.path(MARKDOWN)}")
        return claim.finish(summary)
    text = json.dumps(summary, indent=2, ensure_ascii=False).encode()
    name = gaps.keep(claim.storage, text, {".md": markdown, ".csv": long}) + ".md"
    raise Gaps(
        f"{len(empty)} of {len(cells)} cells are not filled, {'; '.join(cell.name for cell in empty)}: "
        f"{claim.storage.path(name)} says why; running it again tries what failed"
    )
