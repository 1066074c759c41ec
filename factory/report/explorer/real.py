"""BRISQUE of the real faces as counts on one axis, for comparison in the explorer's histograms (Fig. 10)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

import numpy as np
import pyarrow as pa

from factory import charts
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF
from factory.tables.columns import TextColumn

BINS = 48


class BinnedScores(TypedDict):
    """Scores of one style: counts by bin, and the sums of the scores and of their squares."""

    bins: list[int]
    sum: float
    squares: float


class RealScores(TypedDict):
    """The axis for all scores, its number of bins, and the real scores by kind (`live`, `spoof`) and style."""

    span: tuple[float, float]
    bins: int
    real: dict[str, dict[str, BinnedScores]]


def real_scores(generated: pa.Table, real: Iterable[Corpus]) -> RealScores:
    """The axis for all scores, and the real scores by kind and style: counts per bin, and two sums.

    The sums are those of the scores and of their squares. Counts take the same little space for a real corpus of any
    size. Scores beyond the axis are counted in the end bins.
    """
    scores: dict[tuple[str, str], list[np.ndarray]] = {}
    for corpus in {corpus.digest: corpus for corpus in real}.values():  # one folder may serve as real and as live
        known, labels, styles = _known(corpus.index), corpus.column("label"), TextColumn(corpus.index, "style")
        for code, style in enumerate(styles.values):
            for kind, label in (("live", LIVE), ("spoof", SPOOF)):
                found = known[(styles.codes == code) & (labels == label)]
                scores.setdefault((kind, style), []).append(found[~np.isnan(found)])
    made = _known(generated)
    every = [made[~np.isnan(made)], *(part for parts in scores.values() for part in parts)]
    span = charts.span_of(every) if sum(map(len, every)) else (0.0, 100.0)
    groups: dict[str, dict[str, BinnedScores]] = {"live": {}, "spoof": {}}
    for (kind, style), parts in sorted(scores.items()):
        values = np.concatenate(parts)
        if len(values):
            counts, _ = np.histogram(np.clip(values, *span), bins=BINS, range=span)
            sum_, squares = round(float(values.sum()), 3), round(float((values**2).sum()), 3)
            groups[kind][style] = {"bins": counts.tolist(), "sum": sum_, "squares": squares}
    return {"span": span, "bins": BINS, "real": groups}


def _known(index: pa.Table) -> np.ndarray:
    """BRISQUE of all rows, float64; NaN if it could not be computed."""
    return np.asarray(index["brisque"].to_numpy(zero_copy_only=False), dtype=np.float64)
