"""The documents of a search: the record of a trial and the summary of the search."""

from __future__ import annotations

from typing import Literal, TypedDict

from factory.tune.space import Parameters


class Trial(TypedDict):
    """The record of a trial; `metric` is the figure of the search's metric."""

    trial: str
    parameters: Parameters
    metric: float | None
    auc: float | None
    d_eer: float | None
    step: float | None  # a whole number
    rows: int
    status: Literal["finished", "stopped", "failed"]
    reason: str | None


class RowCounts(TypedDict):
    """Generated rows that passed a trial's filters, and rows generated with its ranges."""

    filtered: int
    regenerated: int


class MetricValues(TypedDict):
    """The held-out metric with the filtered rows, and with the regenerated ones."""

    filtered: float | None
    regenerated: float


class Regenerated(TypedDict):
    """A trial for which rows were generated in its ranges and a classifier was fitted again, in `folder`."""

    trial: str
    folder: str
    t0: list[int]
    cfg_scale: list[float]
    rows: RowCounts
    metric: MetricValues


class SearchSummary(TypedDict):
    """The summary of a search; `best` is the name of a trial."""

    metric: str
    trials: list[Trial]
    best: str
    regenerated: list[Regenerated]
