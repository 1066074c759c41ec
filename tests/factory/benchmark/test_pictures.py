"""Curves as means over seeds, and marks that are a row's own in every picture."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from factory.benchmark.pictures import GRID, KINDS, mean_curves, picture, points, roc
from tests.benchmarked import evaluations_of

ROWS = ["one", "two", "three"]


def told_apart(split: str, person: str, attack: str) -> float:
    return 0.9 if attack == "live" else 0.1


def guessing(split: str, person: str, attack: str) -> float:
    return 0.5


def test_a_curve_is_the_mean_of_its_seeds(tmp_path: Path) -> None:
    found = evaluations_of(
        tmp_path, {("one", "p", 0): told_apart, ("one", "p", 1): guessing, ("three", "p", 0): guessing}
    )
    curves = mean_curves(found, "p", ROWS)
    assert list(curves) == ["one", "three"]
    assert curves["one"][0] == pytest.approx(0.5) and curves["one"][-1] == 1.0
    assert (np.diff(curves["one"]) >= 0).all()
    assert curves["three"][GRID < 1].max() == 0.0, "equal scores: nobody is accepted before everybody is"
    chart = roc(curves, "ROC <p>", ROWS)
    assert re.findall(r'class="line (row-\d)"', chart) == ["row-0", "row-2"], "a row keeps its line"
    assert mean_curves(found, "q", ROWS) == {}


def test_a_picture_is_a_file_of_its_own() -> None:
    chart = points(np.array([[0.0, 0.0], [2.0, 1.0]]), [KINDS[0], KINDS[3]], ["a & b", "c"], "map")
    ET.fromstring(chart)
    whole = picture(chart, "Heading & all", {"line row-1": "a row", f"point {KINDS[0]}": "live"})
    root = ET.fromstring(whole)
    assert root.attrib["viewBox"].split()[2] == "360"
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["Heading & all", "a row", "live"]
    assert ".row-7" in whole and "prefers-color-scheme: dark" in whole


def test_points_at_one_place_are_drawn() -> None:
    assert points(np.zeros((3, 2)), [KINDS[0]] * 3, ["x"] * 3, "map").count("<circle") == 3
