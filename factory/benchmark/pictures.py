"""Pictures of a benchmark as SVG: ROC of every protocol, and the map of what classifiers see."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from difffas.metrics import roc_curve
from factory import charts
from factory.benchmark.differences import Floats
from factory.benchmark.evaluations import Evaluations
from factory.charts import detection

GRID = np.linspace(0.0, 1.0, 201)  # shares of accepted attacks at which ROC curves of several seeds are averaged
LINES = 8  # line styles in benchmark.css
SIDE, EDGE = 360.0, 10.0  # of a map
KINDS = ("live dev", "spoof dev", "live test", "spoof test")  # CSS classes of a map's points


def own_style() -> str:
    """The CSS of a benchmark's lines and points, light and dark; the rest is that of all charts."""
    return Path(__file__).with_name("benchmark.css").read_text(encoding="utf-8")


def mean_curves(evaluations: Evaluations, protocol: str, rows: Sequence[str]) -> dict[str, Floats]:
    """For each row, the mean over seeds of the share of live faces accepted at every share of `GRID`."""
    found: dict[str, Floats] = {}
    for row in rows:
        curves = []
        for seed in evaluations.seeds:
            judged = evaluations.judged.get((row, protocol, seed))
            if judged is not None and judged.metrics["n_live"] and judged.metrics["n_spoof"]:
                fpr, tpr, _ = roc_curve(judged.scores.scores, judged.scores.labels)
                curves.append(tpr[np.searchsorted(fpr, GRID, side="right") - 1])
        if curves:
            found[row] = np.mean(curves, axis=0)
    return found


def roc(curves: Mapping[str, Floats], label: str, rows: Sequence[str]) -> str:
    """The ROC as a chart; a row has the same line in every chart."""
    drawn = charts.roc({row: (GRID, curve) for row, curve in curves.items()}, label)
    classes = iter([f"row-{rows.index(row) % LINES}" for row in curves])
    return re.sub(r'class="line line-\d"', lambda _: f'class="line {next(classes)}"', drawn)


def points(places: Floats, kinds: Sequence[str], titles: Sequence[str], label: str) -> str:
    """A map: places (N, 2), each with one of `KINDS` and a title."""
    low, high = places.min(axis=0), places.max(axis=0)
    scale = (SIDE - 2 * EDGE) / max(float((high - low).max()), 1e-12)
    shown = EDGE + (places - low) * scale
    body = [
        f'<circle class="point {kind}" cx="{x:.1f}" cy="{SIDE - y:.1f}" r="3"><title>{escape(title)}</title></circle>'
        for (x, y), kind, title in zip(shown.tolist(), kinds, titles, strict=True)
    ]
    box = f'viewBox="0 0 {SIDE:g} {SIDE:g}"'
    return f'<svg {box} role="img" aria-label="{escape(label)}">{"".join(body)}</svg>'


def picture(chart: str, heading: str, legend: Mapping[str, str]) -> str:
    """A chart as an SVG file of its own, with a heading, and a legend of texts by mark (`line …`, or a point)."""
    return detection.picture(chart, heading, list(legend.items()), own_style())
