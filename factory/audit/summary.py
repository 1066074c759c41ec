"""The figures of an audit: shares, distributions, memorised rows, quality against real (paper Fig. 10), balance."""

from __future__ import annotations

from collections import Counter
from typing import NotRequired, TypedDict

import numpy as np
import pyarrow as pa

from factory.audit.calibration import Limits
from factory.audit.detector_scores import DetectorFigures
from factory.audit.semantic.findings import SemanticFigures
from factory.audit.tones import ToneDrift
from factory.audit.verdict import (
    LEAKS,
    REASONS,
    SEMANTIC_REASONS,
    Measures,
    Reference,
    RowLimits,
    Thresholds,
    Verdict,
    memorised,
)
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF

LISTED = 100  # rows that the summary names; audit.parquet has all
BINS = 40
PERCENTILES = (0, 5, 25, 50, 75, 95, 100)  # of `Spread`


class Spread(TypedDict):
    """Number, mean, population standard deviation and percentiles of known values; without any values, None."""

    count: int
    mean: float | None
    std: float | None
    min: float | None
    p05: float | None
    p25: float | None
    p50: float | None
    p75: float | None
    p95: float | None
    max: float | None


class Histogram(TypedDict):
    """Counts by group, one fewer than the common edges."""

    edges: list[float]
    counts: dict[str, list[int]]


class IdentityFigures(Spread):
    """Identity distance: the share of rows within their limit, among those with one; None without any."""

    kept: float | None
    histogram: Histogram


class StyleFigures(Spread):
    """Probability of the spoof's style: the share of rows that reach their limit, and the mean by style."""

    reached: float | None
    by_style: dict[str, float]


class NearTraining(TypedDict):
    """A row that is too near a training spoof."""

    key: str
    nearest_spoof: str
    bits: int
    distance: float


class Unseen(TypedDict):
    """How many real spoofs that the generator has not seen would count as memorised: the rate by chance."""

    count: int
    within_limits: int
    bits: Spread
    distance: Spread


class Memorised(TypedDict):
    """Distances to the nearest training spoofs, and the rows that are too near, the nearest first."""

    count: int
    bits: Spread
    distance: Spread
    listed: list[NearTraining]
    unseen: Unseen


class NearDuplicate(TypedDict):
    """A row that is near another row, whose key is smaller."""

    key: str
    of: str
    bits: int


class NearDuplicates(TypedDict):
    """The number of near-duplicates, the nearest first."""

    count: int
    listed: list[NearDuplicate]


class Quality(TypedDict):
    """BRISQUE of the spoofs compared with real spoofs and live faces (paper Fig. 10)."""

    generated: Spread
    real_spoof: Spread
    real_live: Spread
    without_score: int
    z: Spread
    references: dict[str, Reference]
    kolmogorov_smirnov: dict[str, float | None]
    histogram: Histogram


class Balance(TypedDict):
    """Rows and accepted rows."""

    rows: int
    accepted: int


class FaceFigures(Spread):
    """Distance of a face to its mirror image: the share of rows within their limit, among those with one."""

    kept: float | None


class AuditSummary(TypedDict):
    """The `summary.json` of an audit."""

    rows: int
    accepted: int
    refused: int
    refused_by_reason: dict[str, int]
    identity: IdentityFigures
    style: StyleFigures
    memorised: Memorised
    near_duplicates: NearDuplicates
    leaks: dict[str, int]
    quality: Quality
    face: NotRequired[FaceFigures]  # this, tones and limits are missing in folders of version 0.2.0
    skin_tone: NotRequired[list[ToneDrift]]
    balance: dict[str, dict[str, Balance]]  # by split and style
    limits: NotRequired[Limits]
    detectors: NotRequired[dict[str, DetectorFigures]]  # only if there are any
    semantic: NotRequired[SemanticFigures]  # only if it is asked for


def summarise(
    spoofs: pa.Table,
    measures: Measures,
    verdict: Verdict,
    thresholds: Thresholds,
    limits: Limits,
    row_limits: RowLimits,
    references: dict[str, Reference],
    real: list[Corpus],
    unseen: tuple[np.ndarray, np.ndarray],
    skin_tone: list[ToneDrift],
) -> AuditSummary:
    """The summary of a run.

    Args:
        spoofs: index rows. measures, verdict, row_limits: of these rows. limits: those of each style.
        references: references of the z-scores. real: the corpora of real faces, each once.
        unseen: bits and distance to the training spoofs, for real spoofs that the generator has not seen.
        skin_tone: its drift by pair of domains.
    """
    accepted = verdict.accepted
    reasons = Counter(name for reason in verdict.reasons if reason for name in reason.split(", "))
    return {
        "rows": len(spoofs),
        "accepted": int(accepted.sum()),
        "refused": int((~accepted).sum()),
        "refused_by_reason": {name: reasons[name] for name in (*REASONS, *SEMANTIC_REASONS) if reasons[name]},
        "identity": {
            **spread(measures.identity_distance),
            "kept": _share(measures.identity_distance, row_limits.identity_distance, at_most=True),
            "histogram": histogram({"spoofs": measures.identity_distance}),
        },
        "style": {
            **spread(measures.style_probability),
            "reached": _share(measures.style_probability, row_limits.style_probability, at_most=False),
            "by_style": _by_style(spoofs, measures.style_probability),
        },
        "memorised": _memorised(measures, thresholds, _unseen(*unseen, thresholds)),
        "near_duplicates": _near_duplicates(measures),
        "leaks": {
            name: int((measures.leak == number).sum())
            for number, name in enumerate(LEAKS)
            if (measures.leak == number).any()
        },
        "quality": _quality(measures, references, real),
        "face": {
            **spread(measures.mirror_distance),
            "kept": _share(measures.mirror_distance, row_limits.mirror_distance, at_most=True),
        },
        "skin_tone": skin_tone,
        "balance": _balance(spoofs, accepted),
        "limits": limits,
    }


def spread(values: np.ndarray) -> Spread:
    """The spread of the values that are not NaN."""
    known = values[np.isfinite(values)]
    mean, std = (float(known.mean()), float(known.std())) if len(known) else (None, None)
    found = np.percentile(known, PERCENTILES).tolist() if len(known) else [None] * len(PERCENTILES)
    least, p05, p25, p50, p75, p95, largest = found
    return {
        "count": len(known),
        "mean": mean,
        "std": std,
        "min": least,
        "p05": p05,
        "p25": p25,
        "p50": p50,
        "p75": p75,
        "p95": p95,
        "max": largest,
    }


def histogram(groups: dict[str, np.ndarray], bins: int = BINS) -> Histogram:
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


def _share(values: np.ndarray, limits: np.ndarray, at_most: bool) -> float | None:
    """The share of the known values with a limit that keep it."""
    known = np.isfinite(values) & np.isfinite(limits)
    if not known.any():
        return None
    values, limits = values[known], limits[known]
    return float((values <= limits).mean() if at_most else (values >= limits).mean())


def _by_style(spoofs: pa.Table, values: np.ndarray) -> dict[str, float]:
    styles = np.array(spoofs["style"].to_pylist())
    return {str(style): float(values[styles == style].mean()) for style in np.unique(styles)}


def _memorised(measures: Measures, thresholds: Thresholds, unseen: Unseen) -> Memorised:
    bits, distance = measures.nearest_spoof_bits, measures.nearest_spoof_distance
    rows = np.flatnonzero(memorised(bits, distance, thresholds))
    rows = rows[np.lexsort([measures.key[rows], distance[rows], bits[rows]])]
    return {
        "count": len(rows),
        "bits": spread(bits.astype(np.float64)),
        "distance": spread(distance),
        "listed": [
            {
                "key": measures.key[row],
                "nearest_spoof": measures.nearest_spoof[row],
                "bits": int(bits[row]),
                "distance": float(distance[row]),
            }
            for row in rows[:LISTED]
        ],
        "unseen": unseen,
    }


def _unseen(bits: np.ndarray, distance: np.ndarray, thresholds: Thresholds) -> Unseen:
    return {
        "count": len(bits),
        "within_limits": int(memorised(bits, distance, thresholds).sum()),
        "bits": spread(bits.astype(np.float64)),
        "distance": spread(distance),
    }


def _near_duplicates(measures: Measures) -> NearDuplicates:
    key, place, bits = measures.key, measures.near_duplicate_place, measures.near_duplicate_bits
    rows = np.flatnonzero(place >= 0)
    rows = rows[np.lexsort([key[rows], bits[rows]])]
    return {
        "count": len(rows),
        "listed": [{"key": key[row], "of": key[place[row]], "bits": int(bits[row])} for row in rows[:LISTED]],
    }


def _quality(measures: Measures, references: dict[str, Reference], real: list[Corpus]) -> Quality:
    scores = measures.brisque
    groups = {"generated": scores, "real_spoof": _scores(real, SPOOF), "real_live": _scores(real, LIVE)}
    return {
        "generated": spread(scores),
        "real_spoof": spread(groups["real_spoof"]),
        "real_live": spread(groups["real_live"]),
        "without_score": int(np.isnan(scores).sum()),
        "z": spread(measures.brisque_z),
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


def _balance(spoofs: pa.Table, accepted: np.ndarray) -> dict[str, dict[str, Balance]]:
    """Rows and accepted rows by split and style."""
    table = pa.table({name: spoofs[name].cast(pa.string()) for name in ("split", "style")} | {"accepted": accepted})
    found: dict[str, dict[str, Balance]] = {}
    counts = table.group_by(["split", "style"]).aggregate([("accepted", "count"), ("accepted", "sum")])
    for line in sorted(counts.to_pylist(), key=lambda line: (line["split"], line["style"])):
        found.setdefault(line["split"], {})[line["style"]] = {
            "rows": line["accepted_count"],
            "accepted": line["accepted_sum"],
        }
    return found
