"""The image of a row on a sheet."""

from __future__ import annotations

from benchmarks.corpora import row
from factory.report.figures.figure import tile
from factory.report.triplets import picture


def test_a_tile_names_its_row_and_a_missing_one_says_so() -> None:
    shown = tile(picture(row(3)), "guide", "12.0")
    assert shown.title == "guide row-0003" and str(shown.uri).startswith("data:image/png") and shown.note == "12.0"
    lost = tile(None, "guide")
    assert lost.uri is None and lost.title == "guide: not in the corpora given"
