"""Points of a map as SVG: places without axes, a shape for each kind, a colour for each class of a number."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from factory import charts
from factory.charts import short

EDGE = 12.0
SHADES = 5  # classes in charts.css, shade-0 … shade-4; `shade-none` is for points without a number
NONE = "shade-none"


class Place(NamedTuple):
    """A point: its CSS class of colour, its shape (circle, square or triangle) and the text under the pointer."""

    shade: str
    shape: str
    title: str


def places(at: np.ndarray, points: Sequence[Place], label: str) -> str:
    """Draw points at (N, 2); both axes have one scale, so that distances are those of the map.

    The drawing is as high as the points need.
    """
    low, high = at.min(axis=0), at.max(axis=0)
    side = charts.WIDTH - 2 * EDGE
    scale = side / max(float((high - low).max()), 1e-12)
    across, height = (high - low) * scale + 2 * EDGE
    shown = EDGE + (at - low) * scale + [(charts.WIDTH - across) / 2, 0.0]
    body = []
    for (x, y), point in zip(shown.tolist(), points, strict=True):
        drawn = mark(point.shape, f"place {point.shade}", x, height - y)
        body.append(f"{drawn}<title>{escape(point.title)}</title></{'circle' if point.shape == 'circle' else 'path'}>")
    return charts.svg(body, height, label)


def mark(shape: str, kind: str, x: float, y: float) -> str:
    """The opening tag of a mark of CSS class `kind` about (x, y)."""
    if shape == "circle":
        return f'<circle class="{kind}" cx="{short(x)}" cy="{short(y)}" r="3.2">'
    if shape == "square":
        return f'<path class="{kind}" d="M{short(x - 2.9)} {short(y - 2.9)}h5.8v5.8h-5.8Z">'
    return f'<path class="{kind}" d="M{short(x)} {short(y - 3.8)}l3.7 6.6h-7.4Z">'


def shades_of(values: np.ndarray) -> tuple[list[str], list[float]]:
    """The class of each value by equal shares of all finite values, lowest first, and the bounds between classes."""
    known = values[np.isfinite(values)]
    if not len(known):
        return [NONE] * len(values), []
    bounds = np.quantile(known, np.arange(1, SHADES) / SHADES)
    classes = np.searchsorted(bounds, values, side="right")
    return [
        f"shade-{int(c)}" if np.isfinite(v) else NONE for c, v in zip(classes, values, strict=True)
    ], bounds.tolist()
