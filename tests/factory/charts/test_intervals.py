"""Means, intervals and spreads lie where their values are."""

from __future__ import annotations

import re

import pytest

from factory.charts.intervals import Line, intervals


def test_marks_lie_at_their_values_and_text_is_escaped() -> None:
    lines = [
        Line("a <b>", "1", "live", 10.0, (8.0, 12.0), (0.0, 20.0)),
        Line("alone", "2", "generated", 30.0, None, None),
    ]
    drawn = intervals(lines, "means")
    assert "a &lt;b&gt;" in drawn and "<b>" not in drawn
    x = [float(v) for v in re.findall(r'<circle class="dot \w+" cx="([\d.]+)"', drawn)]
    spread = re.search(r'class="spread live" d="M([\d.]+) [\d.]+H([\d.]+)"', drawn)
    interval = re.search(r'class="interval live" d="M([\d.]+) [\d.]+H([\d.]+)"', drawn)
    assert spread and interval
    unit = (x[1] - x[0]) / 20
    assert [float(v) for v in spread.groups()] == pytest.approx([x[0] - 10 * unit, x[0] + 10 * unit], abs=0.11)
    assert [float(v) for v in interval.groups()] == pytest.approx([x[0] - 2 * unit, x[0] + 2 * unit], abs=0.11)
    assert drawn.count('class="spread') == drawn.count('class="interval') == 1


def test_equal_values_have_an_axis_and_strange_ones_are_refused() -> None:
    assert "<circle" in intervals([Line("one", "", "live", 5.0, None, None)], "one")
    for lines in ([], [Line("x", "", "live", float("nan"), None, None)]):
        with pytest.raises(ValueError, match="no line with finite values"):
            intervals(lines, "means")
