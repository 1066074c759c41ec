"""A plate is one XML document that needs nothing else."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from factory.charts import svg
from factory.charts.plate import Mark, Panel, plate, point, stroke

SVG = "{http://www.w3.org/2000/svg}"


def test_four_charts_stand_in_two_columns_with_one_legend() -> None:
    panels = [Panel(f"{n} <", "note", svg([], 100, f"chart {n}")) for n in range(4)]
    text = plate("A heading & more", panels, [Mark(point("dot live"), "points"), Mark(stroke("axis"), "lines")])
    root = ElementTree.fromstring(text)
    at = [(float(one.attrib["x"]), float(one.attrib["y"])) for one in root.findall(f"{SVG}svg")]
    assert at[0][1] == at[1][1] < at[2][1] == at[3][1] and at[0][0] == at[2][0] < at[1][0] == at[3][0]
    words = ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]
    assert words == ["A heading & more", *(f"{n} < note" for n in range(4)), "points", "lines"]
    assert not re.search(r"https?://|url\(|@import", text.replace("http://www.w3.org/2000/svg", ""))
    assert "prefers-color-scheme: dark" in text


def test_wide_charts_stand_below_each_other() -> None:
    root = ElementTree.fromstring(plate("Two", [Panel("a", "", svg([], 50, "a", 700))] * 2))
    (first, second) = root.findall(f"{SVG}svg")
    assert first.attrib["x"] == second.attrib["x"]
    assert float(second.attrib["y"]) >= float(first.attrib["y"]) + 50
