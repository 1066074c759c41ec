"""The report's section on a search, for the template."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from factory.report.sections import Folder
from factory.tune.charts import Panel, legend, panels
from factory.tune.summary import Regenerated, SearchSummary, Trial
from factory.tune.table import FIGURES, parameter_names


class ShownTrial(Trial):
    """A trial, and whether it is the best."""

    best: bool


@dataclasses.dataclass(frozen=True)
class Tuning:
    """All trials of a search, the best one first; `figures` are names of the trials' figures."""

    metric: str
    parameters: list[str]
    figures: list[str]
    trials: list[ShownTrial]
    panels: list[Panel]
    legend: list[tuple[str, str]]
    regenerated: list[Regenerated]


def tuning(tunes: Mapping[str, Folder]) -> Tuning | None:
    """All trials of the search, the best one, the panels, and the results of regenerating; None without a search."""
    if not tunes:
        return None
    summary = next(iter(tunes.values())).figures(SearchSummary)
    trials: list[ShownTrial] = [{**trial, "best": trial["trial"] == summary["best"]} for trial in summary["trials"]]
    top = next(trial["metric"] for trial in trials if trial["best"])
    assert top is not None, "the best trial was evaluated"
    return Tuning(
        metric=summary["metric"],
        parameters=parameter_names(trials),
        figures=[name for name in FIGURES if name not in ("status", "reason")],
        # The best trial is an extreme in either direction of the metric, so trials rank by distance from it. Trials
        # that were stopped early trained less and come after the finished ones.
        trials=sorted(trials, key=lambda trial: (_kind(trial), _distance(trial["metric"], top))),
        panels=panels(summary),
        legend=legend(summary),
        regenerated=summary["regenerated"],
    )


def _kind(trial: Trial) -> int:
    return ("finished", "stopped", "failed").index(trial["status"])


def _distance(metric: float | None, top: float) -> float:
    return math.inf if metric is None else abs(metric - top)
