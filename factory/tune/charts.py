"""Pictures of a search: the metric over every parameter, with one circle per trial."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from factory import charts
from factory.charts.detection import chart_style
from factory.tune.space import LOGARITHMIC
from factory.tune.table import parameter_names

HEADING, COLUMNS = 26, 2
BEST, FINISHED, STOPPED = "mark spoof", "line line-0", "line line-5"  # CSS classes: a filled circle, open ones


def panels(summary: dict[str, Any]) -> list[dict[str, str]]:
    """A chart for each parameter that two or more trials with the metric varied."""
    trials = [trial for trial in summary["trials"] if trial["metric"] is not None]
    if not trials:
        return []
    trials.sort(key=lambda trial: trial["trial"] == summary["best"])  # the best trial is drawn last, over the others
    values = [trial["metric"] for trial in trials]
    found = []
    for name in parameter_names(trials):
        points = [(t["parameters"][name], t["metric"], _class(t, summary)) for t in trials if name in t["parameters"]]
        label = f"{summary['metric']} over {name}"
        chart = charts.scatter(points, (min(values), max(values)), label, log=name in LOGARITHMIC)
        found.append({"name": name, "chart": chart})
    return found


def picture(summary: dict[str, Any]) -> str:
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


def legend(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """(CSS class, meaning) of the kinds of trial that are drawn."""
    names = {BEST: "best", FINISHED: "finished", STOPPED: "stopped early"}
    drawn = {_class(trial, summary) for trial in summary["trials"] if trial["metric"] is not None}
    return [(name, text) for name, text in names.items() if name in drawn]


def _class(trial: dict[str, Any], summary: dict[str, Any]) -> str:
    if trial["trial"] == summary["best"]:
        return BEST
    return FINISHED if trial["status"] == "finished" else STOPPED
