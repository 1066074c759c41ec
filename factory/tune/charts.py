"""Pictures of a search: the metric over every parameter, with one circle per trial."""

from __future__ import annotations

import math
from html import escape
from typing import TypedDict

from factory import charts
from factory.charts.detection import chart_style
from factory.tune.space import LOGARITHMIC
from factory.tune.summary import SearchSummary, Trial
from factory.tune.table import parameter_names

HEADING, COLUMNS = 26, 2
BEST, FINISHED, STOPPED = "mark spoof", "line line-0", "line line-5"  # CSS classes: a filled circle, open ones


class Panel(TypedDict):
    """The chart of one parameter; the report's template reads it."""

    name: str
    chart: str  # SVG


def panels(summary: SearchSummary) -> list[Panel]:
    """A chart for each parameter that two or more trials with the metric varied."""
    shown = [(trial, metric) for trial in summary["trials"] if (metric := trial["metric"]) is not None]
    if not shown:
        return []
    shown.sort(key=lambda each: each[0]["trial"] == summary["best"])  # the best trial is drawn last, over the others
    values = [metric for _, metric in shown]
    found: list[Panel] = []
    for name in parameter_names([trial for trial, _ in shown]):
        points = [
            (trial["parameters"][name], metric, _class(trial, summary))
            for trial, metric in shown
            if name in trial["parameters"]
        ]
        label = f"{summary['metric']} over {name}"
        chart = charts.scatter(points, (min(values), max(values)), label, log=name in LOGARITHMIC)
        found.append({"name": name, "chart": chart})
    return found


def picture(summary: SearchSummary) -> str:
    """All panels as one SVG file, in the reader's light or dark mode."""
    drawn = panels(summary)
    height = 190 + HEADING
    rows = math.ceil(len(drawn) / COLUMNS)
    width, whole = COLUMNS * charts.WIDTH, rows * height + HEADING
    body = [
        f"<style>{chart_style()}</style>",
        f'<rect class="ground" width="{width:g}" height="{whole:g}"/>',
    ]
    for place, panel in enumerate(drawn):
        x, y = place % COLUMNS * charts.WIDTH, place // COLUMNS * height
        title = escape(f"{summary['metric']} over {panel['name']}")
        body.append(f'<text class="heading" x="{x + 8:g}" y="{y + 17:g}">{title}</text>')
        size = f'x="{x:g}" y="{y + HEADING:g}" width="{charts.WIDTH:g}" height="190"'
        body.append(panel["chart"].replace("<svg ", f"<svg {size} ", 1))
    for place, (name, text) in enumerate(legend(summary)):
        x, y = 16 + 130 * place, whole - 10
        body.append(f'<circle class="{name}" cx="{x}" cy="{y - 3.5:g}" r="4"/>')
        body.append(f'<text x="{x + 10}" y="{y:g}">{escape(text)}</text>')
    size = f'viewBox="0 0 {width:g} {whole:g}" width="{width:g}" height="{whole:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n' + "\n".join(body) + "\n</svg>\n"


def legend(summary: SearchSummary) -> list[tuple[str, str]]:
    """(CSS class, meaning) of the kinds of trial that are drawn."""
    names = {BEST: "best", FINISHED: "finished", STOPPED: "stopped early"}
    drawn = {_class(trial, summary) for trial in summary["trials"] if trial["metric"] is not None}
    return [(name, text) for name, text in names.items() if name in drawn]


def _class(trial: Trial, summary: SearchSummary) -> str:
    if trial["trial"] == summary["best"]:
        return BEST
    return FINISHED if trial["status"] == "finished" else STOPPED
