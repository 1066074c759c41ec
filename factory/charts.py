"""Charts as inline SVG: a histogram, a loss curve, a ROC. Pure text from numbers, coloured by the page's CSS.

A chart is drawn in a fixed viewBox about as wide as a phone and scaled by CSS, so that its text stays readable on
one. Coordinates are rounded to a tenth: equal numbers give equal bytes. Colours come from classes (`live`, `spoof`,
`generated`, `line-0` …), so that a page can have a light and a dark form.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

WIDTH = 360.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 10.0, 8.0, 22.0
BINS = 30
POINTS = 240  # of a curve; longer ones are averaged down to about as many
LINES = 6  # line styles in the page's CSS


@dataclasses.dataclass(frozen=True)
class Axis:
    """The map of [low, high] to the coordinates [start, end], linear or logarithmic; values beyond are clipped."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The coordinate of a value."""
        low, high, value = self.low, self.high, min(max(float(value), self.low), self.high)
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values along the axis, ascending."""
        return log_ticks(self.low, self.high) if self.log else ticks(self.low, self.high)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers (1, 2 or 5 times a power of ten) within [low, high], ascending.

    Raises:
        ValueError: unless low < high.
    """
    if not low < high:
        raise ValueError(f"axis from {low} to {high} is empty: low must be below high")
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if raw <= factor * power * (1 + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten within [low, high], and their doubles and halves where that is less than 2.5 decades."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if math.log10(high / low) < 2.5 else (1,)
    return [f * 10.0**d for d in decades for f in factors if low <= f * 10.0**d <= high]


def span_of(values: Sequence[np.ndarray]) -> tuple[float, float]:
    """A histogram axis for all of `values`, one number at least: their 0.5 to 99.5 percentiles, widened to tens."""
    least, most = np.percentile(np.concatenate(values), [0.5, 99.5])
    low, high = math.floor(least / 10) * 10.0, math.ceil(most / 10) * 10.0
    return (low, high) if low < high else (low - 10, high + 10)


def histogram(groups: Mapping[str, np.ndarray], span: tuple[float, float], label: str) -> str:
    """Outlined histograms over one axis, each in shares of its own group, with a mark below at its mean.

    `groups` maps a CSS class to its values; values beyond `span` are counted in the end bins, empty groups are left
    out. The largest bin reaches the top.
    """
    height = 132.0
    x = Axis(*span, 8, WIDTH - RIGHT)
    shares = {name: _shares(values, span) for name, values in groups.items() if len(values)}
    y = Axis(0, max((float(share.max()) for share in shares.values()), default=1), height - BOTTOM - 10, TOP)
    edges = [_n(x(edge)) for edge in np.linspace(*span, BINS + 1)]
    body = [_x_axis(x, y.start, 25)]
    for name, share in shares.items():
        mean = x(float(np.mean(groups[name])))
        body.append(f'<path class="area {escape(name)}" d="{_outline(share, edges, y)}"/>')
        body.append(f'<path class="mark {escape(name)}" d="M{_n(mean)} {_n(y.start + 3)}l4 7h-8Z"/>')
    return _svg(body, height, label)


def curve(points: Sequence[Sequence[float]], label: str) -> str:
    """Loss over steps: one line, on a logarithmic axis where the loss spans more than a decade.

    `points` are (step, loss) in ascending steps. Of more than 240 the means of equal stretches are drawn, in a band
    from least to largest. Points that are not finite are left out.

    Raises:
        ValueError: if no point is finite.
    """
    table = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    table = table[np.isfinite(table).all(axis=1)]
    if not len(table):
        raise ValueError(f"{label}: no finite point to draw")
    steps, mean, least, most = _thinned(table)
    height = 190.0
    y = _loss_axis(float(least.min()), float(most.max()), height)
    x = Axis(float(steps[0]), max(float(steps[-1]), float(steps[0]) + 1), LEFT, WIDTH - RIGHT)
    body = [_y_axis(y), _x_axis(x, y.start)]
    if len(steps) < len(table):
        band = _points(x, y, steps, most) + _points(x, y, steps, least)[::-1]
        body.append(f'<path class="band" d="M{"L".join(band)}Z"/>')
    body.append(f'<path class="line line-0" d="M{"L".join(_points(x, y, steps, mean))}"/>')
    if len(steps) == 1:
        body.append(f'<circle class="line line-0" cx="{_n(x(steps[0]))}" cy="{_n(y(mean[0]))}" r="3"/>')
    return _svg(body, height, label)


def roc(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], label: str) -> str:
    """ROC: the share of live faces accepted over the share of attacks accepted, with classes line-0, line-1 …

    Each curve is (false positive rates, true positive rates), ascending from (0, 0) to (1, 1).
    """
    height = 330.0
    x, y = Axis(0, 1, LEFT, WIDTH - RIGHT), Axis(0, 1, height - BOTTOM, TOP)
    body = [_y_axis(y), _x_axis(x, y.start)]
    body.append(f'<path class="chance" d="M{_n(x.start)} {_n(y.start)}L{_n(x.end)} {_n(y.end)}"/>')
    for place, (name, (false, true)) in enumerate(curves.items()):
        keep = _corners(np.asarray(false), np.asarray(true))
        line = "L".join(_points(x, y, np.asarray(false)[keep], np.asarray(true)[keep]))
        body.append(f'<path class="line line-{place % LINES}" d="M{line}"><title>{escape(name)}</title></path>')
    return _svg(body, height, label)


def number(value: float, digits: int = 4) -> str:
    """`value` to `digits` significant digits, trailing zeros dropped, thousands grouped: 1,200 · 0.0123 · −3.5."""
    if value and not 1e-4 <= abs(value) < 1e9:
        return f"{value:.{digits - 1}g}".replace("-", "−")
    exponent = math.floor(math.log10(abs(value))) if value else 0
    text = f"{value:,.{max(digits - 1 - exponent, 0)}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def fixed(value: float, decimals: int) -> str:
    """`value` with so many decimals, thousands grouped: 43.0 · −1.74."""
    return f"{value:,.{decimals}f}".replace("-", "−")


def _loss_axis(low: float, high: float, height: float) -> Axis:
    if low > 0 and high / low > 10:
        return Axis(low, high, height - BOTTOM, TOP, log=True)
    low = min(low, 0.0)
    return Axis(low, high if high > low else low + 1, height - BOTTOM, TOP)


def _shares(values: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    counts, _ = np.histogram(np.clip(values, *span), bins=BINS, range=span)
    return np.asarray(counts / len(values))


def _outline(share: np.ndarray, edges: list[str], y: Axis) -> str:
    """Path around each run of filled bins."""
    path, open_ = "", False
    for value, left, right in zip(share, edges, edges[1:], strict=False):
        if value > 0:
            path += f"{'' if open_ else f'M{left} {_n(y.start)}'}V{_n(y(value))}H{right}"
        elif open_:
            path += f"V{_n(y.start)}Z"
        open_ = value > 0
    return path + (f"V{_n(y.start)}Z" if open_ else "")


def _thinned(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Last steps, mean, least and largest losses of at most POINTS equal stretches of a curve."""
    starts = np.linspace(0, len(table), min(len(table), POINTS), endpoint=False).astype(int)
    counts = np.diff(np.append(starts, len(table)))
    steps, loss = table[:, 0], table[:, 1]
    mean = np.add.reduceat(loss, starts) / counts
    return steps[starts + counts - 1], mean, np.minimum.reduceat(loss, starts), np.maximum.reduceat(loss, starts)


def _corners(x: np.ndarray, y: np.ndarray) -> list[int]:
    """Indices of the points of a staircase that are not inside a straight run; every n-th of them beyond 500."""
    moves = np.flatnonzero((np.diff(x) != 0) | (np.diff(y) != 0)) + 1
    across, up = x[moves] != x[moves - 1], y[moves] != y[moves - 1]
    turns = moves[:-1][(across[1:] != across[:-1]) | (up[1:] != up[:-1]) | (across & up)[1:]].tolist()
    return [0, *turns[:: math.ceil(len(turns) / 500) or 1], len(x) - 1]


def _points(x: Axis, y: Axis, across: np.ndarray, up: np.ndarray) -> list[str]:
    return [f"{_n(x(a))} {_n(y(u))}" for a, u in zip(across, up, strict=True)]


def _x_axis(x: Axis, base: float, drop: float = 15) -> str:
    line = f'<path class="axis" d="M{_n(x.start)} {_n(base)}H{_n(x.end)}"/>'
    marks = []
    for value in x.ticks():
        # A label at the very end would be cut off by the edge of the drawing.
        anchor = "end" if x(value) > x.end - 6 else "middle"
        marks.append(f'<text x="{_n(x(value))}" y="{_n(base + drop)}" text-anchor="{anchor}">{number(value)}</text>')
    return line + "".join(marks)


def _y_axis(y: Axis) -> str:
    marks = []
    for value in y.ticks():
        at = _n(y(value))
        marks.append(f'<path class="grid-line" d="M{_n(LEFT)} {at}H{_n(WIDTH - RIGHT)}"/>')
        marks.append(f'<text x="{_n(LEFT - 6)}" y="{at}" dy=".32em" text-anchor="end">{number(value)}</text>')
    return "".join(marks)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _svg(body: list[str], height: float, label: str) -> str:
    box = f'viewBox="0 0 {_n(WIDTH)} {_n(height)}"'
    return f'<svg {box} role="img" aria-label="{escape(label)}">{"".join(body)}</svg>'
