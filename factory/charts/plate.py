"""A plate: charts with a heading, titles and one legend, as an SVG file of its own that needs nothing else."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from factory import charts
from factory.charts import short
from factory.charts.detection import chart_style

HEADING, TITLE, LEGEND, MARGIN = 30.0, 22.0, 18.0, 16.0
LETTERS = 62  # of a heading or title in the width of a chart
BOX = re.compile(r'<svg viewBox="0 0 ([\d.]+) ([\d.]+)"')


class Panel(NamedTuple):
    """A chart with a title; `note` follows the title in smaller type."""

    title: str
    note: str
    chart: str


class Mark(NamedTuple):
    """A line of a legend: the SVG of its mark in 24 × 11 units, and its text."""

    drawn: str
    text: str


def point(kind: str) -> str:
    """The mark of points of a CSS class."""
    return f'<circle class="{kind}" cx="12" cy="5.5" r="4"/>'


def stroke(kind: str) -> str:
    """The mark of lines of a CSS class."""
    return f'<path class="{kind}" d="M0 5.5H24"/>'


def plate(heading: str, panels: Sequence[Panel], legend: Sequence[Mark] = ()) -> str:
    """Return the file: panels in two columns if there are several of equal width, else below each other."""
    sizes = [_size(panel.chart) for panel in panels]
    wide = max(width for width, _ in sizes)
    columns = 2 if len(panels) > 1 and wide <= charts.WIDTH else 1
    lines = textwrap.wrap(heading, LETTERS * columns)
    top = HEADING + TITLE * (len(lines) - 1)
    body = [
        f'<text class="heading" x="{short(MARGIN)}" y="{short(20 + 16 * line)}">{escape(text)}</text>'
        for line, text in enumerate(lines)
    ]
    for first in range(0, len(panels), columns):
        row = list(zip(panels, sizes, strict=True))[first : first + columns]
        for place, (panel, (width, height)) in enumerate(row):
            x = MARGIN + place * (wide + 2 * MARGIN)
            title = " ".join(filter(None, (panel.title, panel.note)))
            body.append(f'<text class="name" x="{short(x)}" y="{short(top + 14)}">{escape(title)}</text>')
            size = f'x="{short(x)}" y="{short(top + TITLE)}" width="{short(width)}" height="{short(height)}" '
            body.append(panel.chart.replace("<svg ", f"<svg {size}", 1))
        top += TITLE + max(height for _, (_, height) in row) + 8
    for mark in legend:
        body.append(f'<g transform="translate({short(MARGIN)} {short(top)})">{mark.drawn}</g>')
        body.append(f'<text x="{short(MARGIN + 32)}" y="{short(top + 9)}">{escape(mark.text)}</text>')
        top += LEGEND
    width, height = columns * (wide + 2 * MARGIN), top + 8
    ground = f'<style>{chart_style()}</style>\n<rect class="ground" width="{short(width)}" height="{short(height)}"/>'
    size = f'viewBox="0 0 {short(width)} {short(height)}" width="{short(2 * width)}" height="{short(2 * height)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{ground}\n' + "\n".join(body) + "\n</svg>\n"


def _size(chart: str) -> tuple[float, float]:
    box = BOX.match(chart)
    assert box is not None, "a chart begins with its viewBox"
    return float(box[1]), float(box[2])
