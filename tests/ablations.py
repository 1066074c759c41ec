"""Tables and settings for the tests of ablations."""

from __future__ import annotations

from typing import Any

from factory.ablate.figures import Cell
from factory.ablate.graph import Graph
from factory.ablate.settings import AblateConfig
from factory.ablate.tables import Table
from factory.core.config import build

NETWORK = {"base_channels": 8, "channel_multipliers": [1] * 6, "embed_channels": 16, "timesteps": 300}
FITS = ("fit_style", "fit_generator", "fit_classifier")
SUMMARY = {"n_live": 4, "n_spoof": 6, "n_dev_live": 0, "n_dev_spoof": 0, "hter@dev_eer": None, "video": None}


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
