"""All metrics of one test set, under names that say where each threshold comes from."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import numpy as np

from difffas.metrics.bootstrap import ONE_IN, bpcer_of, intervals
from difffas.metrics.curves import apcer_threshold, auc, bpcer_threshold, d_eer, eer_threshold, tpr_at_fpr
from difffas.metrics.document import Interval, Metrics
from difffas.metrics.rates import ScoreSet, acer, apcer, bpcer, classes, hter, rows

DEV_BPCER = "dev_bpcer=1%"  # name of the threshold


def report(
    test: ScoreSet, dev: ScoreSet | None = None, resamples: int = 1000, level: float = 0.95, seed: int = 0
) -> Metrics:
    """All metrics of a test set, ready for JSON; a metric that cannot be computed is None.

    Args:
        test: one entry per image or per video.
        dev: the development set on which thresholds are chosen.
        resamples, level, seed: settings of the bootstrap by subject; 0 resamples omit the intervals.

    Returns:
        "auc", "d_eer", "tpr@fpr=1%" (all spoofs pooled).
        For each T of "test_eer" (the test set's own EER), "0.5", "dev_eer" and "dev_bpcer=1%" (where 1 % of the
        development set's live faces are rejected, WMCA's convention): "threshold@T", "hter@T" (pooled), "apcer@T" (by
        attack), "apcer_max@T", "bpcer@T", "acer@T".
        For each N of 10, 20, 100 and D of "dev", "test": "bpcerN@D", the BPCER of the test set at
        "threshold@D_bpcerN", where every attack's APCER on D is at most 1/N; and "apcer_max@D_bpcerN", the test set's
        largest APCER at that threshold.
        "n_live", "n_spoof", "n_by_attack", "n_dev_live", "n_dev_spoof", "n_subjects" (None if subjects are not named).
        "interval": None, or "level", "resamples", "seed" and "bounds": [low, high] or None under the names above.
    """
    live, spoof = classes(test.scores, test.labels)
    _, is_spoof = rows(test.scores, test.labels)
    both = len(live) > 0 and len(spoof) > 0
    thresholds = _thresholds(test if both else None, dev)
    result: dict[str, Any] = {
        "auc": auc(test.scores, test.labels) if both else None,
        "d_eer": d_eer(test.scores, test.labels) if both else None,
        "tpr@fpr=1%": tpr_at_fpr(test.scores, test.labels) if both else None,
    }
    for name, threshold in thresholds.items():
        result |= {f"threshold@{name}": threshold, **_rates(test, name, threshold, len(live), len(spoof))}
    counts = Counter(np.asarray(test.attacks, dtype=np.str_)[is_spoof].tolist())
    dev_counts = (0, 0) if dev is None else map(len, classes(dev.scores, dev.labels))
    people = None if test.subjects is None else len(set(test.subjects))
    found = {
        **result,
        "n_live": len(live),
        "n_spoof": len(spoof),
        "n_by_attack": {name: counts[name] for name in sorted(counts)},
        **dict(zip(("n_dev_live", "n_dev_spoof"), dev_counts, strict=True)),
        "n_subjects": people,
        "interval": _interval(test, thresholds, people, resamples, level, seed) if both else None,
    }
    return cast(Metrics, found)


def _thresholds(test: ScoreSet | None, dev: ScoreSet | None) -> dict[str, float | None]:
    """Thresholds by name; a threshold is None if its set is None or lacks a class."""
    if dev is not None and len(set(np.asarray(dev.labels).tolist())) < 2:
        dev = None
    found: dict[str, float | None] = {}
    for origin, chosen in (("test", test), ("dev", dev)):
        found[f"{origin}_eer"] = None if chosen is None else eer_threshold(chosen.scores, chosen.labels)
        for one_in in ONE_IN:
            found[f"{origin}_bpcer{one_in}"] = (
                None if chosen is None else apcer_threshold(chosen.scores, chosen.labels, chosen.attacks, one_in)
            )
    found[DEV_BPCER] = None if dev is None else bpcer_threshold(dev.scores, dev.labels, 100)
    return {**found, "0.5": 0.5}


def _rates(test: ScoreSet, name: str, threshold: float | None, lives: int, spoofs: int) -> dict[str, Any]:
    """The rates at one threshold; None if a class or the threshold is missing."""
    rows_of = test.scores, test.labels
    by_attack = None if threshold is None else apcer(*rows_of, test.attacks, threshold) or None
    rejected = bpcer(*rows_of, threshold) if threshold is not None and lives else None
    apcer_max = max(by_attack.values()) if by_attack else None
    if one_in := bpcer_of(name):
        origin = name.partition("_")[0]
        return {f"bpcer{one_in}@{origin}": rejected, f"apcer_max@{name}": apcer_max}
    both = threshold is not None and lives and spoofs
    return {
        f"hter@{name}": hter(*rows_of, threshold) if both else None,  # type: ignore[arg-type]
        f"apcer@{name}": by_attack,
        f"apcer_max@{name}": apcer_max,
        f"bpcer@{name}": rejected,
        f"acer@{name}": acer(*rows_of, test.attacks, threshold) if both else None,  # type: ignore[arg-type]
    }


def _interval(
    test: ScoreSet, thresholds: dict[str, float | None], people: int | None, resamples: int, level: float, seed: int
) -> Interval | None:
    """The intervals; None if the subjects are unknown or there is only one."""
    if not resamples or people is None or people < 2:
        return None
    fixed = {name: at for name, at in thresholds.items() if at is not None and not name.startswith("test_")}
    bounds = intervals(test, fixed, resamples, level, seed)
    return {"level": level, "resamples": resamples, "seed": seed, "bounds": bounds}
