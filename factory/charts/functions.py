"""Functions of one number as SVG: several lines over one axis, each named at its end."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from difffas.errors import UserError
from factory import charts
from factory.charts import short

HEIGHT = 200.0


class Function(NamedTuple):
    """Values over x, both ascending in place (N,), drawn in the CSS classes `kind`; `name` shows under the pointer."""

    name: str
    kind: str
    x: np.ndarray
    y: np.ndarray


def functions(lines: Sequence[Function], label: str) -> str:
    """Draw the lines over one horizontal and one vertical axis, which fit all of them; zero is marked if it is inside.

    Raises:
        UserError: without a line, or with a value that is not finite.
    """
    every = np.concatenate([np.stack([line.x, line.y]) for line in lines], axis=1) if lines else np.empty((2, 0))
    if not every.size or not np.isfinite(every).all():
        raise UserError(f"{label}: no line with finite values to draw")
    (left, low), (right, high) = every.min(axis=1), every.max(axis=1)
    if not left < right:
        raise UserError(f"{label}: all lines are at one place, {left:g}")
    room = 0.06 * (high - low) or 0.5
    x = charts.Axis(float(left), float(right), charts.LEFT, charts.WIDTH - charts.RIGHT)
    y = charts.Axis(float(low - room), float(high + room), HEIGHT - charts.BOTTOM, charts.TOP)
    body = [charts.y_axis(y), charts.x_axis(x, y.start)]
    if low < 0 < high:
        body.append(f'<path class="axis" d="M{short(x.start)} {short(y(0))}H{short(x.end)}"/>')
    if left < 0 < right:
        body.append(f'<path class="chance" d="M{short(x(0))} {short(y.start)}V{short(y.end)}"/>')
    for line in lines:
        points = "L".join(f"{short(x(a))} {short(y(b))}" for a, b in zip(line.x, line.y, strict=True))
        body.append(f'<path class="{escape(line.kind)}" d="M{points}"><title>{escape(line.name)}</title></path>')
    return charts.svg(body, HEIGHT, label)
