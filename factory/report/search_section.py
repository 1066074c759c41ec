"""The report's section on a search, as plain values for the template."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from factory.report.sections import Folder
from factory.tune.charts import legend, panels
from factory.tune.table import FIGURES, parameter_names


def tuning(tunes: Mapping[str, Folder]) -> dict[str, Any] | None:
    """Every trial of the search, which is the best, the panels, and what regenerating gave; None without a search."""
    if not tunes:
        return None
    summary = next(iter(tunes.values())).summary
    trials = [{**trial, "best": trial["trial"] == summary["best"]} for trial in summary["trials"]]
    top = next(trial["metric"] for trial in trials if trial["best"])
    return {
        "metric": summary["metric"],
        "parameters": parameter_names(trials),
        "figures": [name for name in FIGURES if name not in ("status", "reason")],
        # The best is an extreme, whichever way the metric points: nearness to it is the order of merit. One that
        # was stopped early has been trained for less, and comes after those that were not.
        "trials": sorted(trials, key=lambda trial: (_kind(trial), _distance(trial["metric"], top))),
        "panels": panels(summary),
        "legend": legend(summary),
        "regenerated": summary["regenerated"],
    }


def _kind(trial: dict[str, Any]) -> int:
    return ("finished", "stopped", "failed").index(trial["status"])


def _distance(metric: float | None, top: float) -> float:
    return math.inf if metric is None else abs(metric - top)
