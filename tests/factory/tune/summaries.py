"""A search's summary by hand: trials that finished, stopped and failed."""

from __future__ import annotations

from typing import Literal

from factory.tune.space import Parameters
from factory.tune.summary import SearchSummary, Trial


def trial_of(
    name: str,
    parameters: Parameters,
    auc: float | None = 0.9,
    status: Literal["finished", "stopped", "failed"] = "finished",
    rows: int = 20,
) -> Trial:
    return {
        "trial": name,
        "parameters": parameters,
        "metric": auc,
        "auc": auc,
        "d_eer": None if auc is None else 1 - auc,
        "step": None if auc is None else 8,
        "rows": rows,
        "status": status,
        "reason": "no row | at all" if status == "failed" else None,
    }


def trials() -> list[Trial]:
    parameters = [{"t0_max": 150 + number, "learning_rate": 1e-4 * number} for number in range(1, 6)]
    return [
        trial_of("0001", parameters[0], 0.7, "finished", 21),
        trial_of("0002", parameters[1], 0.95, "stopped", 22),
        trial_of("0003", parameters[2], None, "failed", 23),
        trial_of("0004", parameters[3], 0.9, "finished", 24),
        trial_of("0005", parameters[4], 0.9, "finished", 25),
    ]


def summary() -> SearchSummary:
    return {"metric": "auc", "trials": trials(), "best": "0004", "regenerated": []}
