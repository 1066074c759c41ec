"""A sheet has its images in order, without overlaps, and its text is escaped."""

from __future__ import annotations

import re

from factory.charts.sheet import LARGEST, SMALLEST, SheetRow, Tile, sheet

URI = "data:image/png;base64,AAAA"


def places(drawn: str) -> list[tuple[float, float, float]]:
    found = re.findall(r'<(?:image|rect) class="\w+" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"', drawn)
    return [(float(x), float(y), float(side)) for x, y, side in found]


def test_images_are_in_rows_below_each_other() -> None:
    rows = [SheetRow(f"row {n}", [Tile(URI, f"<{n}>", "0.1", made=True), Tile(None, "lost")]) for n in range(2)]
    drawn = sheet(["first", "second"], rows, "a & b")
    at = places(drawn)
    assert [x for x, *_ in at] == [0, LARGEST + 6] * 2
    assert at[0][1] == at[1][1] and at[2][1] >= at[0][1] + LARGEST
    assert drawn.count("<image") == drawn.count("<rect") == 2
    assert "&lt;0&gt;" in drawn and 'aria-label="a &amp; b"' in drawn
    assert drawn.index("first") < drawn.index("row 0") < drawn.index("row 1")
    height = float(drawn.split('viewBox="0 0 ')[1].split('"')[0].split()[1])
    assert height >= at[-1][1] + LARGEST


def test_many_columns_widen_the_sheet_and_long_heads_are_broken() -> None:
    drawn = sheet(["a head of many words"] * 12, [SheetRow("", [Tile(URI, "")] * 12)], "wide")
    assert min(side for *_, side in places(drawn)) == SMALLEST
    assert float(drawn.split('viewBox="0 0 ')[1].split()[0]) == 12 * (SMALLEST + 6) - 6
    assert drawn.count(">a head") == 12 and "a head of many words" not in drawn
