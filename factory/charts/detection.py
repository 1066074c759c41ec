"""ROC and DET of score sets: as charts for the report, and as separate pictures with heading and legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from difffas.metrics import ScoreSet, det_curve, roc_curve
from factory import charts

HEADING, LEGEND = 26, 18  # heights of a picture's heading and of one line of its legend
ROC, DET = "live faces accepted over attacks accepted", "live faces rejected over attacks accepted"


class Curve(NamedTuple):
    """Rates at all thresholds: attacks accepted (all pooled), live faces accepted, live faces rejected."""

    fpr: np.ndarray
    tpr: np.ndarray
    fnr: np.ndarray


Curves: TypeAlias = Mapping[str, Curve]


def curves_of(sets: Mapping[str, ScoreSet]) -> dict[str, Curve]:
    """Return the curves of the sets that have both classes."""
    found = {}
    for name, each in sets.items():
        if len(set(np.asarray(each.labels).tolist())) == 2:
            fpr, tpr, _ = roc_curve(each.scores, each.labels)
            found[name] = Curve(fpr, tpr, det_curve(each.scores, each.labels)[1])
    return found


def roc(curves: Curves) -> str:
    """Draw the ROC as a chart for a page that includes `chart_style`."""
    return charts.roc({name: (curve.fpr, curve.tpr) for name, curve in curves.items()}, f"ROC of {', '.join(curves)}")


def det(curves: Curves) -> str:
    """Draw the DET as a chart for a page that includes `chart_style`."""
    return charts.det({name: (curve.fpr, curve.fnr) for name, curve in curves.items()}, f"DET of {', '.join(curves)}")


def roc_picture(curves: Curves) -> str:
    """Draw the ROC as an SVG file."""
    return picture(roc(curves), f"ROC: {ROC}", _lines(curves))


def det_picture(curves: Curves) -> str:
    """Draw the DET as an SVG file."""
    return picture(det(curves), f"DET: {DET}", _lines(curves))


def _lines(curves: Curves) -> list[tuple[str, str]]:
    return [(f"line line-{place % charts.LINES}", name) for place, name in enumerate(curves)]


def chart_style() -> str:
    """Return the CSS of all charts, light and dark."""
    return Path(__file__).with_name("charts.css").read_text(encoding="utf-8")


def picture(chart: str, heading: str, legend: Sequence[tuple[str, str]], style: str = "") -> str:
    """Return a chart as an SVG file of its own, with a heading and a legend.

    Args:
        legend: the CSS class of each mark, and its text; a class that begins with `line` is a line, any other a point.
        style: CSS beside that of all charts.
    """
    width, height = map(float, chart.split('viewBox="0 0 ', 1)[1].split('"', 1)[0].split())
    whole = HEADING + height + 8 + LEGEND * len(legend)
    body = [
        f"<style>{chart_style()}{style}</style>",
        f'<rect class="ground" width="{width:g}" height="{whole:g}"/>',
        f'<text class="heading" x="8" y="17">{escape(heading)}</text>',
        chart.replace("<svg ", f'<svg y="{HEADING:g}" width="{width:g}" height="{height:g}" ', 1),
    ]
    for place, (name, text) in enumerate(legend):
        y = HEADING + height + LEGEND * (place + 0.7)
        body.append(f'<{_mark(name, y - 3.5)} class="{name}"/>')
        body.append(f'<text x="{charts.LEFT + 32:g}" y="{y:g}">{escape(text)}</text>')
    size = f'viewBox="0 0 {width:g} {whole:g}" width="{2 * width:g}" height="{2 * whole:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n' + "\n".join(body) + "\n</svg>\n"


def _mark(name: str, y: float) -> str:
    if name.startswith("line"):
        return f'path d="M{charts.LEFT:g} {y:g}h24"'
    return f'circle cx="{charts.LEFT + 12:g}" cy="{y:g}" r="4"'
