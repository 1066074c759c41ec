"""Charts as inline SVG: histogram, loss curve, scatter, ROC, DET.

Further kinds of charts have their own files. An SVG is text made from numbers, coloured by charts.css.

A chart is drawn in a fixed viewBox about as wide as a phone and scaled by CSS, so that its text stays readable on a
phone. Coordinates are rounded to a tenth: equal numbers give equal bytes. Colours come from classes (`live`, `spoof`,
`generated`, `line-0` …), so that a page can have a light and a dark form.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from html import escape
from statistics import NormalDist
from typing import Literal

import numpy as np

from difffas.errors import UserError

WIDTH = 360.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 10.0, 8.0, 22.0
BINS = 30
POINTS = 240  # points of a curve; longer curves are averaged down to about this number
LINES = 6  # line styles in the CSS
SPACING = 0.5  # least distance between drawn points of a ROC or DET, in units of the viewBox
RATES = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.99)  # ticks of a normal-deviate axis
SCALES = {"linear": float, "log": math.log10, "normal": NormalDist().inv_cdf}


@dataclasses.dataclass(frozen=True)
class Axis:
    """Maps [low, high] to the coordinates [start, end]; values outside are clipped.

    `normal` shows rates in normal deviates, where the DET of two Gaussians of equal width is a straight line.
    """

    low: float
    high: float
    start: float
    end: float
    scale: Literal["linear", "log", "normal"] = "linear"

    def __call__(self, value: float) -> float:
        """Return the coordinate of a value."""
        scale = SCALES[self.scale]
        low, high, value = (scale(v) for v in (self.low, self.high, min(max(float(value), self.low), self.high)))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return round values along the axis, ascending."""
        if self.scale == "normal":
            return [rate for rate in RATES if self.low <= rate <= self.high]
        return log_ticks(self.low, self.high) if self.scale == "log" else ticks(self.low, self.high)

    def label(self, value: float) -> str:
        """Return the label of a tick."""
        return f"{number(100 * value)}%" if self.scale == "normal" else number(value)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers (1, 2 or 5 times a power of ten) within [low, high], ascending.

    Raises:
        UserError: unless low < high.
    """
    if not low < high:
        raise UserError(f"axis from {low} to {high} is empty: low must be below high")
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if raw <= factor * power * (1 + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return the powers of ten within [low, high]; below 2.5 decades also their doubles and halves."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if math.log10(high / low) < 2.5 else (1,)
    return [f * 10.0**d for d in decades for f in factors if low <= f * 10.0**d <= high]


def span_of(values: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return a histogram's axis range for all `values` (at least one): percentiles 0.5 to 99.5, widened to tens."""
    least, most = np.percentile(np.concatenate(values), [0.5, 99.5])
    low, high = math.floor(least / 10) * 10.0, math.ceil(most / 10) * 10.0
    return (low, high) if low < high else (low - 10, high + 10)


def histogram(groups: Mapping[str, np.ndarray], span: tuple[float, float], label: str) -> str:
    """Draw outlined histograms over one axis, each in shares of its own group, with a mark below at its mean.

    `groups` maps a CSS class to its values. Values outside `span` are counted in the end bins; empty groups are left
    out. The largest bin reaches the top.
    """
    height = 132.0
    x = Axis(*span, 8, WIDTH - RIGHT)
    shares = {name: _shares(values, span) for name, values in groups.items() if len(values)}
    y = Axis(0, max((float(share.max()) for share in shares.values()), default=1), height - BOTTOM - 10, TOP)
    edges = [short(x(edge)) for edge in np.linspace(*span, BINS + 1)]
    body = [x_axis(x, y.start, 25)]
    for name, share in shares.items():
        mean = x(float(np.mean(groups[name])))
        body.append(f'<path class="area {escape(name)}" d="{_outline(share, edges, y)}"/>')
        body.append(f'<path class="mark {escape(name)}" d="M{short(mean)} {short(y.start + 3)}l4 7h-8Z"/>')
    return svg(body, height, label)


def curve(points: Sequence[Sequence[float]], label: str) -> str:
    """Draw the loss over steps as one line; the axis is logarithmic if the loss spans more than a decade.

    `points` are (step, loss) in ascending steps. More than 240 points are drawn as means of equal stretches, in a band
    from the least to the largest loss. Points that are not finite are left out.

    Raises:
        UserError: if no point is finite.
    """
    table = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    table = table[np.isfinite(table).all(axis=1)]
    if not len(table):
        raise UserError(f"{label}: no finite point to draw")
    steps, mean, least, most = _thinned(table)
    height = 190.0
    y = _loss_axis(float(least.min()), float(most.max()), height)
    x = Axis(float(steps[0]), max(float(steps[-1]), float(steps[0]) + 1), LEFT, WIDTH - RIGHT)
    body = [y_axis(y), x_axis(x, y.start)]
    if len(steps) < len(table):
        band = _points(x, y, steps, most) + _points(x, y, steps, least)[::-1]
        body.append(f'<path class="band" d="M{"L".join(band)}Z"/>')
    body.append(f'<path class="line line-0" d="M{"L".join(_points(x, y, steps, mean))}"/>')
    if len(steps) == 1:
        body.append(f'<circle class="line line-0" cx="{short(x(steps[0]))}" cy="{short(y(mean[0]))}" r="3"/>')
    return svg(body, height, label)


def scatter(points: Sequence[tuple[float, float, str]], span: tuple[float, float], label: str, *, log: bool) -> str:
    """Draw circles at (x, y) with CSS classes such as "line line-0"; `span` is the range of the vertical axis."""
    across = [x for x, _, _ in points]
    low, high = min(across), max(across)
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    x = Axis(low, high, LEFT + 6, WIDTH - RIGHT - 6, "log" if log else "linear")
    y = Axis(*(span if span[0] < span[1] else (span[0] - 0.01, span[1] + 0.01)), 190 - BOTTOM - 6, TOP + 6)
    body = [y_axis(y), x_axis(x, 190 - BOTTOM)]
    body += [f'<circle class="{escape(name)}" cx="{short(x(a))}" cy="{short(y(u))}" r="4"/>' for a, u, name in points]
    return svg(body, 190, label)


def roc(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], label: str) -> str:
    """Draw the ROC: the share of live faces accepted over the share of attacks accepted, in classes line-0, line-1 …

    Each curve is (false positive rates, true positive rates), ascending from (0, 0) to (1, 1).
    """
    return _rates(curves, Axis(0, 1, LEFT, WIDTH - RIGHT), Axis(0, 1, 330 - BOTTOM, TOP), label)


def det(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], label: str) -> str:
    """Draw the DET: the share of live faces rejected over the share of attacks accepted, axes in normal deviates.

    Each curve is (false positive rates, false negative rates), from (0, 1) to (1, 0). The axes begin at the power of
    ten below the least rate (0.01 to 1 %), where rates of zero are drawn too. They end at 60 %, or at 99 % if the
    equal error rate of a curve exceeds 40 %.
    """
    pairs = [np.stack(curve) for curve in curves.values()]
    least = min((float(pair[pair > 0].min()) for pair in pairs), default=0.01)
    low = next((rate for rate in (0.01, 0.001) if rate <= least), 0.0001)
    high = 0.99 if any(pair.max(axis=0).min() > 0.4 for pair in pairs) else 0.6
    shown = {name: _inside(pair[0], pair[1], high) for name, pair in zip(curves, pairs, strict=True)}
    x, y = Axis(low, high, LEFT, WIDTH - RIGHT, "normal"), Axis(low, high, 330 - BOTTOM, TOP, "normal")
    return _rates(shown, x, y, label)


def _inside(across: np.ndarray, up: np.ndarray, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of a falling curve with both rates up to `high`, and one more point beyond each end."""
    inside = np.flatnonzero((across <= high) & (up <= high))
    if not len(inside):
        return across[:0], up[:0]
    part = slice(max(inside[0] - 1, 0), inside[-1] + 2)
    return across[part], up[part]


def _rates(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], x: Axis, y: Axis, label: str) -> str:
    """Draw curves of one rate over another, with the diagonal of chance (ROC) or of equal errors (DET)."""
    body = [y_axis(y), x_axis(x, y.start)]
    body.append(f'<path class="chance" d="M{short(x.start)} {short(y.start)}L{short(x.end)} {short(y.end)}"/>')
    for place, (name, (across, up)) in enumerate(curves.items()):
        keep = _corners(np.asarray(across), np.asarray(up))
        points = _spaced([(x(across[i]), y(up[i])) for i in keep])
        line = "L".join(f"{short(a)} {short(u)}" for a, u in points)
        drawn = f' d="M{line}"' if line else ""
        body.append(f'<path class="line line-{place % LINES}"{drawn}><title>{escape(name)}</title></path>')
    return svg(body, y.start + BOTTOM, label)


def number(value: float, digits: int = 4) -> str:
    """Format `value` with `digits` significant digits, no trailing zeros, thousands grouped: 1,200 · 0.0123 · −3.5."""
    if value and not 1e-4 <= abs(value) < 1e9:
        return f"{value:.{digits - 1}g}".replace("-", "−")
    exponent = math.floor(math.log10(abs(value))) if value else 0
    text = f"{value:,.{max(digits - 1 - exponent, 0)}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def fixed(value: float, decimals: int) -> str:
    """Format `value` with this number of decimals, thousands grouped: 43.0 · −1.74."""
    return f"{value:,.{decimals}f}".replace("-", "−")


def _loss_axis(low: float, high: float, height: float) -> Axis:
    if low > 0 and high / low > 10:
        return Axis(low, high, height - BOTTOM, TOP, "log")
    low = min(low, 0.0)
    return Axis(low, high if high > low else low + 1, height - BOTTOM, TOP)


def _shares(values: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    counts, _ = np.histogram(np.clip(values, *span), bins=BINS, range=span)
    return np.asarray(counts / len(values))


def _outline(share: np.ndarray, edges: list[str], y: Axis) -> str:
    """Return the path around each run of filled bins."""
    path, open_ = "", False
    for value, left, right in zip(share, edges, edges[1:], strict=False):
        if value > 0:
            path += f"{'' if open_ else f'M{left} {short(y.start)}'}V{short(y(value))}H{right}"
        elif open_:
            path += f"V{short(y.start)}Z"
        open_ = value > 0
    return path + (f"V{short(y.start)}Z" if open_ else "")


def _thinned(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return last steps and mean, least and largest losses of at most POINTS equal stretches of a curve."""
    starts = np.linspace(0, len(table), min(len(table), POINTS), endpoint=False).astype(int)
    counts = np.diff(np.append(starts, len(table)))
    steps, loss = table[:, 0], table[:, 1]
    mean = np.add.reduceat(loss, starts) / counts
    return steps[starts + counts - 1], mean, np.minimum.reduceat(loss, starts), np.maximum.reduceat(loss, starts)


def _corners(x: np.ndarray, y: np.ndarray) -> list[int]:
    """Return the indices of a staircase's points that are not inside a straight run."""
    if len(x) < 3:
        return list(range(len(x)))
    moves = np.flatnonzero((np.diff(x) != 0) | (np.diff(y) != 0)) + 1
    across, up = x[moves] != x[moves - 1], y[moves] != y[moves - 1]
    turns = moves[:-1][(across[1:] != across[:-1]) | (up[1:] != up[:-1]) | (across & up)[1:]].tolist()
    return [0, *turns, len(x) - 1]


def _spaced(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the first and the last point, and every point between that is not too close to the previous one."""
    kept = points[:1]
    for point in points[1:-1]:
        if abs(point[0] - kept[-1][0]) + abs(point[1] - kept[-1][1]) >= SPACING:
            kept.append(point)
    return kept + points[1:][-1:]


def _points(x: Axis, y: Axis, across: np.ndarray, up: np.ndarray) -> list[str]:
    return [f"{short(x(a))} {short(y(u))}" for a, u in zip(across, up, strict=True)]


def x_axis(x: Axis, base: float, drop: float = 15) -> str:
    """Return the axis at the height `base`, its labels `drop` below."""
    line = f'<path class="axis" d="M{short(x.start)} {short(base)}H{short(x.end)}"/>'
    marks = []
    for value in x.ticks():
        # The edge of the drawing would cut off a label at the very end.
        anchor = "end" if x(value) > x.end - 6 else "middle"
        marks.append(
            f'<text x="{short(x(value))}" y="{short(base + drop)}" text-anchor="{anchor}">{x.label(value)}</text>'
        )
    return line + "".join(marks)


def y_axis(y: Axis) -> str:
    """Return lines across the chart at the ticks of a vertical axis, with their labels at the left."""
    marks = []
    for value in y.ticks():
        at = short(y(value))
        marks.append(f'<path class="grid-line" d="M{short(LEFT)} {at}H{short(WIDTH - RIGHT)}"/>')
        marks.append(f'<text x="{short(LEFT - 6)}" y="{at}" dy=".32em" text-anchor="end">{y.label(value)}</text>')
    return "".join(marks)


def short(value: float) -> str:
    """Format a coordinate: one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")


def svg(body: list[str], height: float, label: str, width: float = WIDTH) -> str:
    """Return a drawing of this viewBox; `label` says what it shows to a reader that does not see it."""
    box = f'viewBox="0 0 {short(width)} {short(height)}"'
    return f'<svg {box} role="img" aria-label="{escape(label)}">{"".join(body)}</svg>'
