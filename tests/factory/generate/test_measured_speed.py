from __future__ import annotations

import datetime
from typing import Any

import pytest

from factory.generate.measured_speed import Speed, Workload, measured, read_speeds, table
from tests.root import ROOT

PLACE = {"parameters": 3_600_000, "side": 64, "sampler": "ddim", "steps": 25, "preset": "exact", "guided": True}


def speed(device: str, rate: float | None, **changes: Any) -> Speed:
    said = {"date": datetime.date(2026, 1, 2), "commit": "abc1234", "command": "run"} if rate else {}
    return Speed(**{"device": device, "batch": 16, "images_per_second": rate, **PLACE, **said, **changes})


def test_the_page_shows_the_file() -> None:
    page = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
    assert table(read_speeds()) in page
    assert "docs/cost.md" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_shipped_rows_are_measured_or_empty() -> None:
    speeds = read_speeds()
    assert any(row.images_per_second for row in speeds)
    assert any(row.images_per_second is None for row in speeds)


def test_only_the_row_of_the_same_job_fits() -> None:
    others = {"parameters": 1, "side": 128, "sampler": "ddpm", "steps": 10, "preset": "fast", "guided": False}
    speeds = tuple(speed(f"not {name}", 9.0, **{name: value}) for name, value in others.items())
    speeds += (speed("slow", 2.0), speed("slow", 3.0, batch=32), speed("slow", 1.0, batch=64), speed("unknown", None))
    fitting = measured(speeds, Workload(**PLACE))
    assert set(fitting) == {"slow"}
    assert (fitting["slow"].images_per_second, fitting["slow"].batch) == (3.0, 32)


def test_the_table_tells_hours_and_price_of_a_million() -> None:
    text = table((speed("fast", 100.0, price_per_hour=3.0), speed("unpriced", 1.0), speed("unknown", None)))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert rows[2][6:9] == ["100", "2.8", "8"]
    assert rows[3][7:9] == ["277.8", ""]
    assert rows[4][6:] == ["", "", "", "not measured"]
    assert {len(row) for row in rows} == {10}


def test_a_measured_row_says_when_and_how() -> None:
    with pytest.raises(ValueError, match="the row of a is measured: say date, commit and command"):
        speed("a", 1.0, commit=None)
