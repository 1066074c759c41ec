"""Places keep their distances; colours are equal shares of the values."""

from __future__ import annotations

import re

import numpy as np
import pytest

from factory.charts.map import NONE, Place, places, shades_of


def test_distances_are_those_of_the_map_in_both_directions() -> None:
    shapes = ("circle", "square", "triangle")
    points = [Place("shade-0", shape, f"<{shape}>") for shape in shapes]
    drawn = places(np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0]]), points, "map")
    (circle,) = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', drawn)
    square, triangle = re.findall(r'd="M([\d.]+) ([\d.]+)', drawn)
    x, y = zip(*(map(float, found) for found in (circle, square, triangle)), strict=True)
    across, up = x[1] + 2.9 - x[0], y[1] + 2.9 - (y[2] + 3.8)
    assert across == pytest.approx(2 * up, abs=0.3) and up > 0, "up is up"
    assert "&lt;square&gt;" in drawn


def test_colours_are_equal_shares_of_what_is_known() -> None:
    values = np.array([*range(10), np.nan])
    shades, bounds = shades_of(values)
    assert shades[:10] == [f"shade-{n // 2}" for n in range(10)] and shades[10] == NONE
    assert len(bounds) == 4 and bounds == sorted(bounds)
    assert shades_of(np.array([np.nan])) == ([NONE], [])
