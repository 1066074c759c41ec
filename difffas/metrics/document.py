"""The document of all metrics of one test set, as `summary.report` returns it and `summary.json` holds it."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Interval(TypedDict):
    """Bootstrap intervals: [low, high] by metric, None for a metric that too few draws have."""

    level: float
    resamples: int
    seed: int
    bounds: dict[str, list[float] | None]


# The docstring of `report` defines the names; a metric that cannot be computed is None. Documents of earlier versions
# lack those that are not required.
Metrics = TypedDict(
    "Metrics",
    {
        "auc": float | None,
        "d_eer": float | None,
        "tpr@fpr=1%": float | None,
        "threshold@test_eer": float | None,
        "hter@test_eer": float | None,
        "apcer@test_eer": dict[str, float] | None,
        "apcer_max@test_eer": float | None,
        "bpcer@test_eer": float | None,
        "acer@test_eer": float | None,
        "threshold@0.5": float | None,
        "hter@0.5": float | None,
        "apcer@0.5": dict[str, float] | None,
        "apcer_max@0.5": float | None,
        "bpcer@0.5": float | None,
        "acer@0.5": float | None,
        "threshold@dev_eer": float | None,
        "hter@dev_eer": float | None,
        "apcer@dev_eer": dict[str, float] | None,
        "apcer_max@dev_eer": float | None,
        "bpcer@dev_eer": float | None,
        "acer@dev_eer": float | None,
        "threshold@dev_bpcer=1%": NotRequired[float | None],
        "hter@dev_bpcer=1%": NotRequired[float | None],
        "apcer@dev_bpcer=1%": NotRequired[dict[str, float] | None],
        "apcer_max@dev_bpcer=1%": NotRequired[float | None],
        "bpcer@dev_bpcer=1%": NotRequired[float | None],
        "acer@dev_bpcer=1%": NotRequired[float | None],
        "threshold@test_bpcer10": float | None,
        "bpcer10@test": float | None,
        "apcer_max@test_bpcer10": float | None,
        "threshold@test_bpcer20": float | None,
        "bpcer20@test": float | None,
        "apcer_max@test_bpcer20": float | None,
        "threshold@test_bpcer100": float | None,
        "bpcer100@test": float | None,
        "apcer_max@test_bpcer100": float | None,
        "threshold@dev_bpcer10": float | None,
        "bpcer10@dev": float | None,
        "apcer_max@dev_bpcer10": float | None,
        "threshold@dev_bpcer20": float | None,
        "bpcer20@dev": float | None,
        "apcer_max@dev_bpcer20": float | None,
        "threshold@dev_bpcer100": float | None,
        "bpcer100@dev": float | None,
        "apcer_max@dev_bpcer100": float | None,
        "n_live": int,
        "n_spoof": int,
        "n_by_attack": dict[str, int],
        "n_dev_live": int,
        "n_dev_spoof": int,
        "n_subjects": int | None,
        "interval": Interval | None,
    },
)
