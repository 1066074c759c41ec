"""What the explorer says where nothing is found, and the ways out: in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.browser import opened
from tests.factory.report.explorer.site import SPOOFS, Site, check, count, type_range

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.mark.slow
def test_an_empty_result_says_so_and_which_filter_to_lift(browser: Browser, site: Site) -> None:
    printed = pc.sum(pc.equal(site.rows["attack"].cast(pa.string()), "print")).as_py()
    with opened(browser, f"{site.url}#attack=print&t0=…10") as page:
        empty = page.locator("#empty")
        assert count(page) == 0
        for view in ("Faces", "T₀ × w", "Table"):
            page.get_by_role("button", name=view, exact=True).click()
            assert empty.get_by_role("heading").inner_text() == "No spoof passes all of these filters."
            assert not page.locator("#faces, #grid, #table").locator("visible=true").count()
        assert empty.get_by_role("button", name="Without Attack print: 0 spoofs").is_visible()
        empty.get_by_role("button", name=f"Without T₀ to 10: {printed} spoofs").click()
        assert count(page) == printed and not empty.is_visible()
    with opened(browser, f"{site.url}#attack=print&t0=…10") as page:
        page.get_by_role("button", name="Show all spoofs").click()
        assert count(page) == SPOOFS


def test_spoofs_without_pictures_are_in_the_table(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        row = page.evaluate("pictureOf.indexOf(-1)")
        page.get_by_label("Key, face, guide or subject").fill(site.rows["key"].to_pylist()[row])
        page.get_by_role("heading", name="The spoof that passes has no picture on this page.").wait_for()
        page.get_by_role("button", name="Show as a table").click()
        assert page.locator("#table tbody tr").count() == 1
        page.locator("#table .link").click()
        assert page.locator("#viewer").is_visible()


def test_clear_is_where_the_filters_are(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        every = page.get_by_role("button", name="Clear all filters")
        assert not every.is_visible(), "nothing to clear"
        assert not page.get_by_role("button", name="Clear Attack").is_visible()
        check(page, "Attack", "print")
        type_range(page, "T₀ from", "180")
        both = count(page)
        box, field = every.bounding_box(), page.locator("#search").bounding_box()
        assert box is not None and field is not None and box["y"] < field["y"], "above the first filter"
        page.get_by_role("button", name="Clear Attack").click()
        assert count(page) == pc.sum(pc.greater_equal(site.rows["t0"], 180)).as_py() > both
        chip = page.get_by_role("button", name="T₀ from 180")
        assert chip.inner_text() == "T₀ from 180 ×"
        chip.click()
        assert count(page) == SPOOFS and not page.locator("#chips").is_visible()


def test_on_a_phone_faces_come_first_and_the_grid_has_all_columns(browser: Browser, site: Site) -> None:
    with opened(browser, site.url, viewport={"width": 390, "height": 844}) as page:
        first = page.locator("#faces .cell").first.bounding_box()
        assert first is not None and first["y"] < 844 / 3
        assert not page.locator("#charts").is_visible()
        page.locator("#distributions summary").click()
        assert page.locator("#charts").is_visible()
        page.get_by_role("button", name="T₀ × w", exact=True).click()
        cells = page.locator("#grid tbody tr").first.locator("td")
        boxes = [cells.nth(place).bounding_box() for place in range(5)]
        assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
        assert len({round(box["y"]) for box in boxes if box}) == 1, "in one line"
        page.get_by_role("button", name="Filters").click()
        check(page, "Attack", "print")
        found = count(page)
        page.get_by_role("button", name=f"Show {found} spoofs").click()
        assert not page.locator("#search").is_visible()
        assert page.get_by_role("button", name="Attack print").is_visible()
