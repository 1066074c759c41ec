from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory import charts

FINITE = st.floats(-1e6, 1e6)
PATHS = ".//path[@class='{}']"


def parsed(svg: str) -> ET.Element:
    assert "nan" not in svg
    assert "inf" not in svg
    return ET.fromstring(svg)


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in parsed(svg).iter("text")]


def coordinates(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path)]


@given(FINITE, st.floats(1, 1e6))
def test_ticks_are_few_round_and_inside(low: float, width: float) -> None:
    high = low + width
    marks = charts.ticks(low, high)
    assert 2 <= len(marks) <= 6
    assert all(low - 1e-6 * width <= mark <= high + 1e-6 * width for mark in marks)
    steps = np.diff(marks)
    assert np.allclose(steps, steps[0], rtol=1e-6)
    assert round(float(f"{steps[0]:e}".split("e")[0]), 6) in (1.0, 2.0, 5.0)


def test_ticks_refuse_an_empty_axis() -> None:
    with pytest.raises(ValueError, match="low must be below high"):
        charts.ticks(3, 3)


def test_log_ticks() -> None:
    assert charts.log_ticks(0.02, 1.1) == pytest.approx([0.02, 0.05, 0.1, 0.2, 0.5, 1])
    assert charts.log_ticks(1e-4, 5) == pytest.approx([1e-4, 1e-3, 1e-2, 0.1, 1])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1200, "1,200"),
        (0.0123, "0.0123"),
        (-3.5, "−3.5"),
        (99999.6, "100,000"),
        (1e-6, "1e−06"),
        (250, "250"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert charts.number(value) == text
    assert charts.number(1_234_567, 12) == "1,234,567"
    assert charts.fixed(-1234.56, 1) == "−1,234.6"


def test_histogram_areas_are_shares_of_each_group() -> None:
    """10 and 1,000 values of one distribution draw the same outline: groups of any size compare."""
    values = np.repeat([1.0, 2.0, 2.0, 3.0], 3)
    svg = charts.histogram({"live": values, "generated": np.tile(values, 100)}, (0, 10), "both")
    live, generated = (parsed(svg).find(PATHS.format(f"area {name}")) for name in ("live", "generated"))
    assert live is not None
    assert generated is not None
    assert live.get("d") == generated.get("d")
    heights = [float(y) for y in re.findall(r"V([\d.]+)H", live.get("d") or "")]
    base = max(float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)", live.get("d") or ""))
    assert [base - height for height in heights] == pytest.approx([46, 92, 46])  # 92 is the whole height


def test_histogram_clips_to_its_end_bins_and_leaves_out_empty_groups() -> None:
    svg = charts.histogram({"live": np.array([-500.0, 900.0]), "spoof": np.empty(0)}, (0, 60), "<b>")
    assert parsed(svg).get("aria-label") == "<b>"
    area = parsed(svg).find(PATHS.format("area live"))
    assert area is not None
    assert (area.get("d") or "").count("M") == 2
    assert parsed(svg).find(PATHS.format("area spoof")) is None
    assert texts(svg) == ["0", "20", "40", "60"]


@given(st.lists(FINITE, min_size=1, max_size=30))
def test_span_is_of_tens_and_not_empty(values: list[float]) -> None:
    low, high = charts.span_of([np.array(values), np.empty(0)])
    assert low < high
    assert low % 10 == high % 10 == 0
    parsed(charts.histogram({"live": np.array(values)}, (low, high), "x"))


def test_curve_is_logarithmic_only_over_more_than_a_decade() -> None:
    assert texts(charts.curve([[1, 1.0], [2, 0.5], [3, 0.2]], "loss"))[:3] == ["0", "0.2", "0.4"]
    assert texts(charts.curve([[1, 1.0], [2, 0.1], [3, 0.01]], "loss"))[:3] == ["0.01", "0.02", "0.05"]


def test_long_curves_become_a_mean_and_a_band() -> None:
    points = [[step, 1.0 + step % 2] for step in range(2400)]
    svg = parsed(charts.curve(points, "loss"))
    line, band = svg.find(PATHS.format("line line-0")), svg.find(PATHS.format("band"))
    assert line is not None
    assert band is not None
    mean, edge = coordinates(line.get("d") or ""), coordinates(band.get("d") or "")
    assert len(mean) == charts.POINTS
    assert len({y for _, y in mean}) == 1
    assert min(y for _, y in edge) < mean[0][1] < max(y for _, y in edge)
    assert parsed(charts.curve(points[:200], "loss")).find(PATHS.format("band")) is None


@given(st.lists(st.tuples(st.integers(0, 10**6), FINITE), min_size=1, max_size=400))
def test_any_finite_curve_stays_inside_its_box(points: list[tuple[int, float]]) -> None:
    svg = parsed(charts.curve(sorted(points), "loss"))
    line = svg.find(PATHS.format("line line-0"))
    assert line is not None
    assert all(0 <= x <= charts.WIDTH and 0 <= y <= 190 for x, y in coordinates(line.get("d") or ""))


def test_curve_leaves_out_what_is_not_finite() -> None:
    assert charts.curve([[1, 2.0], [2, float("nan")], [3, 1.0]], "a") == charts.curve([[1, 2.0], [3, 1.0]], "a")
    with pytest.raises(ValueError, match="no finite point"):
        charts.curve([[1, float("nan")]], "generator")
