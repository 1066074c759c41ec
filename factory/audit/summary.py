"""The figures of an audit: shares, distributions, memorised rows, quality against real (paper Fig. 10), balance."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from factory.audit.verdict import LEAKS, REASONS, Thresholds, memorised
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF

LISTED = 100  # rows that the summary names; audit.parquet has all
BINS = 40


def summarise(
    spoofs: pa.Table,
    columns: dict[str, Any],
    thresholds: Thresholds,
    references: dict[str, dict[str, Any]],
    real: list[Corpus],
    unseen: tuple[np.ndarray, np.ndarray],
) -> dict[str, Any]:
    """The summary of a run.

    Args:
        spoofs: index rows. columns: the columns of the audit as arrays, with `accepted` and `reason`.
        references: references of the z-scores. real: the corpora of real faces, each once.
        unseen: bits and distance to the training spoofs, for real spoofs that the generator has not seen.
    """
    accepted = columns["accepted"]
    reasons = Counter(name for reason in columns["reason"] if reason for name in reason.split(", "))
    return {
        "rows": len(spoofs),
        "accepted": int(accepted.sum()),
        "refused": int((~accepted).sum()),
        "refused_by_reason": {name: reasons[name] for name in REASONS if reasons[name]},
        "identity": {
            **spread(columns["identity_distance"]),
            "kept": _share(columns["identity_distance"], thresholds.identity_distance, at_most=True),
            "histogram": histogram({"spoofs": columns["identity_distance"]}),
        },
        "style": {
            **spread(columns["style_probability"]),
            "reached": _share(columns["style_probability"], thresholds.style_probability, at_most=False),
            "by_style": _by_style(spoofs, columns["style_probability"]),
        },
        "memorised": {**_memorised(columns, thresholds), "unseen": _unseen(*unseen, thresholds)},
        "near_duplicates": _near_duplicates(columns),
        "leaks": {
            name: int((columns["leak"] == number).sum())
            for number, name in enumerate(LEAKS)
            if (columns["leak"] == number).any()
        },
        "quality": _quality(columns["brisque"], columns["brisque_z"], references, real),
        "balance": _balance(spoofs, accepted),
    }


def spread(values: np.ndarray) -> dict[str, Any]:
    """Count, mean, standard deviation and some quantiles of the values that are not NaN; None if there are none."""
    known = values[np.isfinite(values)]
    names = {"min": 0, "p05": 5, "p25": 25, "p50": 50, "p75": 75, "p95": 95, "max": 100}
    if not len(known):
        return {"count": 0, "mean": None, "std": None, **dict.fromkeys(names)}
    found = dict(zip(names, np.percentile(known, list(names.values())).tolist(), strict=True))
    return {"count": len(known), "mean": float(known.mean()), "std": float(known.std()), **found}


def histogram(groups: dict[str, np.ndarray], bins: int = BINS) -> dict[str, Any]:
    """Counts of groups over common edges, from the 0.5th to the 99.5th percentile of all; end bins hold the rest."""
    known = {name: values[np.isfinite(values)] for name, values in groups.items()}
    whole = np.concatenate(list(known.values())) if known else np.empty(0)
    if not len(whole):
        return {"edges": [], "counts": {name: [] for name in groups}}
    low, high = np.percentile(whole, [0.5, 99.5])
    edges = np.linspace(low, high if high > low else low + 1.0, bins + 1)
    counts = {name: np.histogram(v.clip(edges[0], edges[-1]), edges)[0].tolist() for name, v in known.items()}
    return {"edges": edges.tolist(), "counts": counts}


def kolmogorov_smirnov(first: np.ndarray, second: np.ndarray) -> float | None:
    """The greatest difference of two samples' distribution functions, in [0, 1]; None if one is empty."""
    a, b = (np.sort(values[np.isfinite(values)]) for values in (first, second))
    if not len(a) or not len(b):
        return None
    at = np.concatenate([a, b])
    below = [np.searchsorted(side, at, side="right") / len(side) for side in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def _share(values: np.ndarray, limit: float | None, at_most: bool) -> float | None:
    """The share of the known values that keep the limit."""
    known = values[np.isfinite(values)]
    if limit is None or not len(known):
        return None
    return float((known <= limit).mean() if at_most else (known >= limit).mean())


def _by_style(spoofs: pa.Table, values: np.ndarray) -> dict[str, float]:
    styles = np.array(spoofs["style"].to_pylist())
    return {str(style): float(values[styles == style].mean()) for style in np.unique(styles)}


def _memorised(columns: dict[str, Any], thresholds: Thresholds) -> dict[str, Any]:
    """Distances to the nearest training spoofs, and the rows that are too near, the nearest first."""
    bits, distance = columns["nearest_spoof_bits"], columns["nearest_spoof_distance"]
    rows = np.flatnonzero(memorised(columns, thresholds))
    rows = rows[np.lexsort([columns["key"][rows], distance[rows], bits[rows]])]
    return {
        "count": len(rows),
        "bits": spread(bits.astype(np.float64)),
        "distance": spread(distance),
        "listed": [
            {
                "key": columns["key"][row],
                "nearest_spoof": columns["nearest_spoof"][row],
                "bits": int(bits[row]),
                "distance": float(distance[row]),
            }
            for row in rows[:LISTED]
        ],
    }


def _unseen(bits: np.ndarray, distance: np.ndarray, thresholds: Thresholds) -> dict[str, Any]:
    """How many real spoofs that the generator has not seen would count as memorised: the rate by chance."""
    near = memorised({"nearest_spoof_bits": bits, "nearest_spoof_distance": distance}, thresholds)
    return {
        "count": len(bits),
        "within_limits": int(near.sum()),
        "bits": spread(bits.astype(np.float64)),
        "distance": spread(distance),
    }


def _near_duplicates(columns: dict[str, Any]) -> dict[str, Any]:
    place, bits = columns["near_duplicate_place"], columns["near_duplicate_bits"]
    rows = np.flatnonzero(place >= 0)
    rows = rows[np.lexsort([columns["key"][rows], bits[rows]])]
    return {
        "count": len(rows),
        "listed": [
            {"key": columns["key"][row], "of": columns["key"][place[row]], "bits": int(bits[row])}
            for row in rows[:LISTED]
        ],
    }


def _quality(
    scores: np.ndarray, z: np.ndarray, references: dict[str, dict[str, Any]], real: list[Corpus]
) -> dict[str, Any]:
    """BRISQUE of the spoofs compared with real spoofs and live faces (paper Fig. 10)."""
    groups = {"generated": scores, "real_spoof": _scores(real, SPOOF), "real_live": _scores(real, LIVE)}
    return {
        **{name: spread(values) for name, values in groups.items()},
        "without_score": int(np.isnan(scores).sum()),
        "z": spread(z),
        "references": references,
        "kolmogorov_smirnov": {name: kolmogorov_smirnov(scores, groups[name]) for name in ("real_spoof", "real_live")},
        "histogram": histogram(groups),
    }


def _scores(corpora: list[Corpus], label: int) -> np.ndarray:
    found = [
        corpus.column("brisque").astype(np.float64)[
            (corpus.column("label") == label) & corpus.index["guide_key"].is_null().to_numpy()
        ]
        for corpus in corpora
    ]
    return np.concatenate(found)


def _balance(spoofs: pa.Table, accepted: np.ndarray) -> dict[str, dict[str, dict[str, int]]]:
    """Rows and accepted rows by split and style."""
    table = pa.table({name: spoofs[name].cast(pa.string()) for name in ("split", "style")} | {"accepted": accepted})
    found: dict[str, dict[str, dict[str, int]]] = {}
    counts = table.group_by(["split", "style"]).aggregate([("accepted", "count"), ("accepted", "sum")])
    for line in sorted(counts.to_pylist(), key=lambda line: (line["split"], line["style"])):
        found.setdefault(line["split"], {})[line["style"]] = {
            "rows": line["accepted_count"],
            "accepted": line["accepted_sum"],
        }
    return found
