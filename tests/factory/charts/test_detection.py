"""ROC and DET: from corner to corner, on normal-deviate axes, with few points."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from statistics import NormalDist

import numpy as np
import pytest

from factory import charts

PATHS = ".//path[@class='{}']"


def parsed(svg: str) -> ET.Element:
    assert "nan" not in svg
    assert "inf" not in svg
    return ET.fromstring(svg)


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in parsed(svg).iter("text")]


def coordinates(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path)]


def test_roc_runs_from_corner_to_corner_without_needless_points() -> None:
    false = np.concatenate([np.zeros(1000), np.linspace(0, 1, 1000)])
    true = np.concatenate([np.linspace(0, 0.9, 1000), np.full(999, 0.9), [1.0]])
    svg = parsed(charts.roc({"a & b": (false, true), "c": (true, true)}, "ROC"))
    line = svg.find(PATHS.format("line line-0"))
    assert line is not None
    assert [title.text for title in svg.iter("title")] == ["a & b", "c"]
    points = coordinates(line.get("d") or "")
    assert points[0] == (charts.LEFT, 330 - charts.BOTTOM)
    assert points[-1] == (charts.WIDTH - charts.RIGHT, charts.TOP)
    assert points[1:-1] == [(charts.LEFT, 38), (349.7, 38)]


def labels(svg: str) -> list[str]:
    return [text for text in texts(svg) if text.endswith("%")]


def test_det_has_normal_deviate_axes() -> None:
    """Two Gaussians of equal width give a straight line, with the equal error rate on the diagonal."""
    deviates = np.linspace(-3.2, 3.2, 200)
    normal = NormalDist()
    curve = np.array([normal.cdf(d) for d in deviates]), np.array([normal.cdf(-2 - d) for d in deviates])
    svg = charts.det({"a & b": curve}, "DET")
    line = parsed(svg).find(PATHS.format("line line-0"))
    assert line is not None
    points = np.array(coordinates(line.get("d") or ""))
    low, high = normal.inv_cdf(0.0001), normal.inv_cdf(0.6)
    x, y = points.T
    within = (x > charts.LEFT) & (x < charts.WIDTH - charts.RIGHT) & (y < 330 - charts.BOTTOM) & (y > charts.TOP)
    inner = points[within]
    wide, tall = charts.WIDTH - charts.RIGHT - charts.LEFT, 330 - charts.BOTTOM - charts.TOP
    assert len(inner) > 50
    slope, start = np.polyfit(inner[:, 0], inner[:, 1], 1)
    assert slope == pytest.approx(tall / wide, rel=1e-3)
    np.testing.assert_allclose(inner[:, 1], start + slope * inner[:, 0], atol=0.25)
    equal = (normal.inv_cdf(normal.cdf(-1)) - low) / (high - low)  # D-EER 15.9 %
    across = charts.LEFT + equal * wide
    assert np.interp(across, inner[:, 0], inner[:, 1]) == pytest.approx(330 - charts.BOTTOM - equal * tall, abs=0.3)
    assert labels(svg)[:3] == ["0.01%", "0.1%", "1%"]
    assert labels(svg)[-1] == "60%"


def test_det_begins_below_the_least_rate_and_shows_a_classifier_that_guesses() -> None:
    steps = np.linspace(0, 1, 21)
    svg = charts.det({"chance": (steps, 1 - steps)}, "DET")
    assert labels(svg)[0] == "1%"
    assert labels(svg)[-1] == "99%"
    good = charts.det({"good": (np.array([0, 0, 0.05, 1]), np.array([1, 0.1, 0, 0]))}, "DET")
    assert labels(good)[-1] == "60%"
    line = parsed(good).find(PATHS.format("line line-0"))
    assert line is not None
    # A rate of zero is at the edge; of what is beyond the axes one point at each end is left.
    assert len(coordinates(line.get("d") or "")) == 4
    perfect = parsed(charts.det({"all right": (np.array([0, 0, 1.0]), np.array([1.0, 0, 0]))}, "DET"))
    assert perfect.find(PATHS.format("line line-0")) is not None


def test_a_long_roc_keeps_its_ends_and_few_points() -> None:
    rng = np.random.default_rng(0)
    false, true = np.sort(rng.random(100_000)), np.sort(rng.random(100_000) ** 0.2)
    false[[0, -1]], true[[0, -1]] = (0, 1), (0, 1)
    line = parsed(charts.roc({"long": (false, true)}, "ROC")).find(PATHS.format("line line-0"))
    assert line is not None
    points = coordinates(line.get("d") or "")
    assert points[0] == (charts.LEFT, 330 - charts.BOTTOM)
    assert points[-1] == (charts.WIDTH - charts.RIGHT, charts.TOP)
    assert 300 < len(points) < 1300
