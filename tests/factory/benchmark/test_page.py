"""The page: whole without a network, escaped, and with a reason for everything that is missing."""

from __future__ import annotations

import re
from pathlib import Path

from factory.benchmark.page import Content, StrengthShown, render
from factory.benchmark.results import Family, RowResult, Verdict
from factory.storage import Storage
from tests.pages import Page, study

ROWS = [RowResult("base <b>", {"auc": None}, {}, {"print": None})]


def content(**given: object) -> Content:
    values: dict[str, object] = {
        "title": "A & B",
        "notes": ["<note>"],
        "baseline": "base <b>",
        "metric": "auc",
        "columns": ["auc"],
        "rows": ["base <b>"],
        "families": [Family("a family", ("p",), ROWS, {"p": ROWS})],
        "verdicts": [],
        "charts": {},
        "traces": [],
        "maps": [],
        "strength": None,
        "gaps": {},
        "left_out": {"strength": "no network", "own traces": "no network", "features": "no classifier"},
    }
    return Content(**{**values, **given})  # type: ignore[arg-type]


def test_an_empty_benchmark_has_a_page_with_reasons() -> None:
    page = Page(render(content(gaps={"base / p, seed 0": "out of <memory>"})))
    assert page.text["strength"].count("Left out: no network.") == 1
    assert "Left out: no classifier." in page.text["features"]
    assert "out of <memory>" in page.text["gaps"]
    assert "Nothing yet: no row can be compared with base <b>." in page.text["found"]
    assert "—" in page.text["family-1"]


def test_a_page_asks_for_nothing_outside_itself(tmp_path: Path) -> None:
    shown = StrengthShown.of(Storage(str(study(tmp_path / "study"))))
    said = Verdict("other", "a family", -1, "worse")
    text = render(content(strength=shown, verdicts=[said], charts={"p": "<svg></svg>"}, maps=[("r", "<svg></svg>")]))
    page = Page(text)
    for tag, attributes in page.tags:
        for name in ("src", "href"):
            assert re.match(r"data:|#|$", attributes.get(name, "")), (tag, attributes)
    assert "url(" not in text and "@import" not in text
    assert "What makes it worse" in page.text["found"] and "What helps" not in page.text["found"]
    assert "<svg></svg>" in text
    assert text == render(
        content(strength=shown, verdicts=[said], charts={"p": "<svg></svg>"}, maps=[("r", "<svg></svg>")])
    )
