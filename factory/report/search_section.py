"""The report's section on a search, as plain values for the template."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from factory.report.sections import Folder
from factory.tune.charts import legend, panels
from factory.tune.summary import SearchSummary, Trial
from factory.tune.table import FIGURES, parameter_names


class ShownTrial(Trial):
    """A trial, and whether it is the best."""

    best: bool


def tuning(tunes: Mapping[str, Folder]) -> dict[str, Any] | None:
    """All trials of the search, the best one, the panels, and the results of regenerating; None without a search."""
    if not tunes:
        return None
    summary = cast(SearchSummary, next(iter(tunes.values())).summary)
    trials: list[ShownTrial] = [{**trial, "best": trial["trial"] == summary["best"]} for trial in summary["trials"]]
    top = next(trial["metric"] for trial in trials if trial["best"])
    assert top is not None, "the best trial was evaluated"
    return {
        "metric": summary["metric"],
        "parameters": parameter_names(trials),
        "figures": [name for name in FIGURES if name not in ("status", "reason")],
        # The best trial is an extreme in either direction of the metric, so trials rank by distance from it. Trials
        # that were stopped early trained less and come after the finished ones.
        "trials": sorted(trials, key=lambda trial: (_kind(trial), _distance(trial["metric"], top))),
        "panels": panels(summary),
        "legend": legend(summary),
        "regenerated": summary["regenerated"],
    }


def _kind(trial: Trial) -> int:
    return ("finished", "stopped", "failed").index(trial["status"])


def _distance(metric: float | None, top: float) -> float:
    return math.inf if metric is None else abs(metric - top)
