"""Tables and settings for the tests of ablations."""

from __future__ import annotations

from typing import Any

import numpy as np

from difffas.metrics.rates import ScoreSet
from difffas.metrics.summary import report
from factory.ablate.figures import Cell
from factory.ablate.graph import Graph
from factory.ablate.settings import AblateConfig
from factory.ablate.tables import Table
from factory.core.config import build

NETWORK = {"base_channels": 8, "channel_multipliers": [1] * 6, "embed_channels": 16, "timesteps": 300}
FITS = ("fit_style", "fit_generator", "fit_classifier")
SCORES = ScoreSet(np.linspace(0.0, 1.0, 10), np.array([1] * 6 + [0] * 4), ["print"] * 10)
UNMEASURED = {"d_eer": None, "hter@test_eer": None}
SUMMARY = {**report(SCORES, resamples=0), **UNMEASURED, "unit": "frame", "video": None}  # whole, without a dev split


def table_of(*rows: dict[str, Any], **given: Any) -> Table:
    values = {"name": "own", "title": "Own", "shape": "None.", "columns": ["auc"], "seeds": [0], "rows": rows}
    return build(Table, {**values, **given})


def config_of(**given: Any) -> AblateConfig:
    return build(AblateConfig, {"table": "components", "corpus": "faces", "out": "out", "fit_generator": {}, **given})


def graph_of(table: Table, **given: Any) -> Graph:
    return Graph(config_of(**given), table, "runs", lambda kind, url: f"{kind} {url}")


def settings_of(graph: Graph, station: str) -> list[Any]:
    return [table_run.config for table_run in graph.runs.values() if table_run.station == station]


def cell(
    values: dict[int, float], reasons: dict[int, str] | None = None, row: str = "a", protocol: str = "own"
) -> Cell:
    return Cell(row, protocol, "auc", values, reasons or {}, {seed: f"evaluate-{seed}" for seed in values})
