"""Means with their intervals and spreads as SVG, a line for each group: names above the lines, figures beside them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from html import escape

from difffas.errors import UserError
from factory import charts
from factory.charts import short

STEP, NAME = 36.0, 14.0  # height of a line, and of the name at its top
EDGE = 10.0
MARGIN = 0.04  # of the axis, left free at both ends


@dataclasses.dataclass(frozen=True)
class Line:
    """A group: its mean, the interval of the mean and the spread of the values, None where there is none.

    `kind` is a CSS class such as `live`; `figure` is text at the right.
    """

    name: str
    figure: str
    kind: str
    middle: float
    interval: tuple[float, float] | None
    spread: tuple[float, float] | None


def intervals(lines: Sequence[Line], label: str) -> str:
    """Draw the groups below each other over one axis: spreads thin, intervals thick, means as points.

    Raises:
        UserError: without a line, or with a value that is not finite.
    """
    values = [value for line in lines for value in (line.middle, *(line.interval or ()), *(line.spread or ()))]
    if not values or not all(map(math.isfinite, values)):
        raise UserError(f"{label}: no line with finite values to draw")
    low, high = min(values), max(values)
    room = MARGIN * (high - low) or 0.5
    x = charts.Axis(low - room, high + room, EDGE, charts.WIDTH - EDGE)
    base = STEP * len(lines) + 6
    body = [f'<path class="grid-line" d="M{short(x(tick))} {short(NAME - 8)}V{short(base)}"/>' for tick in x.ticks()]
    for place, line in enumerate(lines):
        body.append(_line(line, x, STEP * place))
    body.append(charts.x_axis(x, base))
    return charts.svg(body, base + charts.BOTTOM, label)


def _line(line: Line, x: charts.Axis, top: float) -> str:
    y, kind = short(top + NAME + 10), escape(line.kind)
    right = short(charts.WIDTH - EDGE)
    found = [
        f'<text class="name" x="{short(EDGE)}" y="{short(top + NAME)}">{escape(line.name)}</text>',
        f'<text x="{right}" y="{short(top + NAME)}" text-anchor="end">{escape(line.figure)}</text>',
    ]
    for name, ends in (("spread", line.spread), ("interval", line.interval)):
        if ends is not None:
            found.append(f'<path class="{name} {kind}" d="M{short(x(ends[0]))} {y}H{short(x(ends[1]))}"/>')
    return "".join([*found, f'<circle class="dot {kind}" cx="{short(x(line.middle))}" cy="{y}" r="4"/>'])
