"""Search settings of the classifier: RQ margins, ranges of T₀ and w, batches, learning rate (Ray Tune, ASHA, Optuna).

Every trial is a `fit-classifier` run in its own folder, evaluated on held-out people. docs/searching.md is the
manual.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Literal

from difffas.errors import UserError
from factory import cluster
from factory.core.config import Config as Config
from factory.core.config import PathOrUrl as PathOrUrl
from factory.core.documents import JsonObject
from factory.corpus.kept import kept_by
from factory.protocols import open_corpus
from factory.run import Run, read_summary
from factory.storage import Storage
from factory.train import TrainSummary, model_evaluation, needs
from factory.train.recipes import classifier as fit_classifier
from factory.train.recipes.classifier import FitClassifierConfig as FitClassifierConfig
from factory.tune.best import check_regenerate, regenerate, write_settings
from factory.tune.charts import picture
from factory.tune.record import Ended
from factory.tune.settings import TRIALS
from factory.tune.settings import TuneConfig as TuneConfig
from factory.tune.space import Parameters, check_values, settings_of
from factory.tune.space import SearchSpace as SearchSpace
from factory.tune.summary import SearchSummary, Trial
from factory.tune.table import csv_table, markdown_table
from factory.tune.trials import BEST, grace, search

TABLE, TABLE_CSV, PICTURE = "trials.md", "trials.csv", "trials.svg"


def run(config: TuneConfig) -> SearchSummary:
    """Run the search; return its trials, the name of the best trial and, if requested, the results of regenerating.

    Raises:
        UserError: for a configuration that cannot run, before anything is written; and if no trial finished.
    """
    identity, decisive = _checked(config)
    claim = Run(config.out, "tune", {**decisive, "fit": identity}, config, needs=needs(config.fit.resources))
    if (finished := claim.summary(SearchSummary)) is not None:
        return finished
    cluster.connect()
    rows = _Rows(config)
    trials = [_record(claim.storage, ended, rows, config) for ended in search(claim.storage, config)]
    ranked = ranking(trials, config.metric)
    if not ranked:
        reasons = "; ".join(dict.fromkeys(str(trial["reason"]) for trial in trials if trial["reason"]))
        raise UserError(f"{claim.storage.url}: no trial came to its end ({reasons or 'all were stopped'})")
    places = write_settings(claim.storage, ranked[: max(1, config.regenerate)], config.fit)
    regenerated = regenerate(claim.storage, ranked[: config.regenerate], places, config.metric)
    summary: SearchSummary = {
        "metric": config.metric,
        "trials": trials,
        "best": ranked[0]["trial"],
        "regenerated": regenerated,
    }
    claim.storage.create(TABLE, markdown_table(summary).encode())
    claim.storage.create(TABLE_CSV, csv_table(summary).encode())
    claim.storage.create(PICTURE, picture(summary).encode())
    return claim.finish(summary)


def ranking(trials: list[Trial], metric: str) -> list[Trial]:
    """The finished trials, best first, ties in order of trial. Stopped trials trained less and are not ranked."""
    sign = -1.0 if BEST[metric] is max else 1.0

    def rank(trial: Trial) -> float:
        assert trial["metric"] is not None, "a finished trial was evaluated"
        return sign * trial["metric"]

    return sorted((trial for trial in trials if trial["status"] == "finished"), key=rank)


def _checked(config: TuneConfig) -> tuple[JsonObject, JsonObject]:
    """Check the configuration; return the facts that decide a trial besides its parameters, and a search's facts."""
    fit, varied = config.fit, dict(config.search.varied())
    if not fit.train.evaluate_every:
        raise UserError("a search is judged by held-out people: set fit.train.evaluate_every")
    if config.grace_steps is not None and config.grace_steps > fit.train.steps:
        raise UserError(f"grace_steps {config.grace_steps} is beyond fit.train.steps {fit.train.steps}")
    rows = [name for name in varied if name.startswith(("t0_", "cfg_scale_", "generated_"))]
    if rows and fit.generated is None:
        raise UserError(f"search.{rows[0]} chooses among generated rows: set fit.generated")
    if config.searcher == "optuna" and importlib.util.find_spec("optuna") is None:
        raise UserError("searcher optuna is not installed: pip install 'difffas-factory[optuna]', or take random")
    check_regenerate(fit, config.regenerate)
    identity, workers = fit_classifier.prepared(fit)
    check_values(config.search, fit, workers.styles)
    decisive = config.model_dump(mode="json", exclude={"out", "fit", "concurrent"})
    return identity, decisive | {"grace_steps": grace(config)}


class _Rows:
    """Counts the generated rows that pass a trial's filters, from the index alone."""

    def __init__(self, config: TuneConfig) -> None:
        fit = config.fit
        self._fit = fit
        self._corpus = open_corpus(fit.generated, fit.protocol) if fit.generated else None

    def __call__(self, parameters: Parameters) -> int:
        if self._corpus is None:
            return 0
        kept = settings_of(self._fit, parameters, self._fit.out).generated_rows
        return len(kept_by(self._fit.audit, self._corpus, kept.positions(self._corpus, self._fit.split))[0])


def _record(storage: Storage, ended: Ended, rows: _Rows, config: TuneConfig) -> Trial:
    """The record of a trial; its figures are those of its model, or of the last evaluation before it was stopped."""
    summary = read_summary(Storage(storage.path(f"{TRIALS}/{ended.name}")), TrainSummary)
    last: Mapping[str, float | None] = model_evaluation(summary) if summary else ended.metrics
    status: Literal["finished", "stopped", "failed"] = (
        "finished" if summary else "failed" if ended.reason else "stopped"
    )
    return {
        "trial": ended.name,
        "parameters": ended.parameters,
        "metric": last.get(config.metric),
        "auc": last.get("auc"),
        "d_eer": last.get("d_eer"),
        "step": last.get("step"),
        "rows": rows(ended.parameters),
        "status": status,
        "reason": None if summary or ended.reason is None else _without_places(ended.reason, storage, config),
    }


def _without_places(reason: str, storage: Storage, config: TuneConfig) -> str:
    """A reason with folders replaced by their keys, such as `fit.generated` or `out`, because a report shows it."""
    fit = config.fit
    places = {"fit.audit": fit.audit, "fit.generated": fit.generated, "fit.corpus": fit.corpus, "out": storage.url}
    for name, url in places.items():
        reason = reason.replace(Storage(url).url, name) if url else reason
    return reason
