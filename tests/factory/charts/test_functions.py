"""Lines pass through their values; zero is marked if it is inside."""

from __future__ import annotations

import re

import numpy as np
import pytest

from factory.charts.functions import Function, functions

X = np.array([-1.0, 0.0, 1.0])


def test_lines_of_one_axis_keep_their_proportions() -> None:
    drawn = functions([Function("up", "line", X, X), Function("flat & low", "other", X, -np.ones(3))], "two")
    up, flat = (
        [tuple(map(float, point.split())) for point in path.split("L")]
        for path in re.findall(r'class="(?:line|other)" d="M([^"]+)"', drawn)
    )
    assert up[1][0] == pytest.approx((up[0][0] + up[2][0]) / 2, abs=0.1)
    assert up[0][1] == flat[0][1] == flat[2][1] > up[1][1] > up[2][1]
    assert "flat &amp; low" in drawn and drawn.count('class="axis"') == 2 and drawn.count('class="chance"') == 1


def test_what_has_no_line_is_refused() -> None:
    for lines, message in (
        ([], "no line with finite"),
        ([Function("a", "line", X, np.array([0.0, np.inf, 1.0]))], "no line with finite"),
        ([Function("a", "line", np.zeros(2), np.zeros(2))], "at one place"),
    ):
        with pytest.raises(ValueError, match=message):
            functions(lines, "chart")
