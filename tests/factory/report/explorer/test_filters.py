"""Filters, histograms and search of the explorer, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.browser import opened
from tests.factory.report.explorer.site import SPOOFS, Site, check, count, type_range, wait

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_filters_leave_what_pyarrow_says(browser: Browser, site: Site) -> None:
    rows = site.rows
    with opened(browser, site.url) as page:
        assert count(page) == SPOOFS
        check(page, "Style", "cam-print", "phone-replay")
        mask = pc.is_in(rows["style"].cast(pa.string()), value_set=pa.array(["cam-print", "phone-replay"]))
        assert count(page) == pc.sum(mask).as_py()
        type_range(page, "T₀ from", "180")
        type_range(page, "T₀ to", "260")
        mask = pc.and_(mask, pc.and_(pc.greater_equal(rows["t0"], 180), pc.less_equal(rows["t0"], 260)))
        assert count(page) == pc.sum(mask).as_py() > 0
        type_range(page, "BRISQUE to", "120")
        mask = pc.and_(mask, pc.fill_null(pc.less_equal(rows["brisque"], 120.0), False))
        assert count(page) == pc.sum(mask).as_py() > 0
        type_range(page, "Identity distance from", "0.3")
        mask = pc.and_(mask, pc.fill_null(pc.greater_equal(rows["identity_distance"], 0.3), False))
        assert count(page) == pc.sum(mask).as_py() > 0
        check(page, "Refused for", "style")
        styled = pc.sum(pc.and_(mask, pc.fill_null(pc.match_substring(rows["reason"], "style"), False))).as_py()
        assert count(page) == styled > 0, "also where there is another reason"
        page.locator("fieldset", has=page.get_by_text("Refused for", exact=True)).get_by_label("style").uncheck()
        check(page, "Verdict", "accepted")
        mask = pc.and_(mask, pc.fill_null(rows["accepted"], False))
        left = pc.sum(mask).as_py()
        assert count(page) == left > 0
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Table").click()
        shown = page.locator("#table tbody th code").all_inner_texts()
        assert sorted(shown) == sorted(rows["key"].filter(mask).to_pylist())
        address = page.evaluate("new Promise(done => setTimeout(() => done(location.href), 400))")
        page.get_by_role("button", name="Clear all filters").click()
        assert count(page) == SPOOFS
    with opened(browser, address) as page:
        assert count(page) == left, "the address holds the filters"


def test_choices_are_counted_given_all_other_filters(browser: Browser, site: Site) -> None:
    rows = site.rows
    with opened(browser, site.url) as page:
        check(page, "Attack", "print")
        facets = page.locator("fieldset", has=page.get_by_text(re.compile("^(Verdict|Refused for)$")))
        counts = [text.split("\n") for text in facets.locator("label").all_inner_texts()]
        printed = rows.filter(pc.equal(rows["attack"].cast(pa.string()), "print"))
        wanted = {
            "accepted": pc.sum(printed["accepted"]).as_py(),
            "refused": pc.sum(pc.invert(printed["accepted"])).as_py(),
            "not audited": printed["accepted"].null_count,
            **{why: pc.sum(pc.match_substring(printed["reason"], why)).as_py() for why in ("identity", "style")},
        }
        assert {name: int(number) for name, number in counts} == wanted
        other = page.locator("fieldset", has=page.get_by_text("Attack", exact=True)).get_by_label("replay")
        assert other.evaluate("box => box.parentElement.innerText").endswith(f"{SPOOFS - len(printed)}")


def test_histograms_are_of_the_selection_and_of_the_real_faces_beside_it(browser: Browser, site: Site) -> None:
    rows = site.rows
    with opened(browser, site.url) as page:
        check(page, "Style", "phone-print")
        mine = rows.filter(pc.equal(rows["style"].cast(pa.string()), "phone-print"))["brisque"].drop_null().to_numpy()
        real = site.real.index
        spoof = real["brisque"].to_numpy()[site.real.where(style="phone-print")]
        live = real["brisque"].to_numpy()[site.real.where(style="phone-live")]
        table = page.locator("#charts figure").first.locator("tbody tr").all_inner_texts()
        assert [line.split("\t")[1:] for line in table] == [
            [f"{len(scores)}", f"{scores.mean():.1f}", f"{scores.std():.1f}"] for scores in (mine, spoof, live)
        ]
        second = page.locator("#charts figure").nth(1)
        assert "Identity distance" in second.inner_text()
        assert (second.locator("svg[role=img]").get_attribute("aria-label") or "").endswith("mean 0.488")


def test_dragging_over_the_bars_sets_a_range_and_a_click_lifts_it(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        box = page.locator("fieldset", has=page.get_by_text("T₀", exact=True)).locator(".brush").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] + 30, box["y"] + 20)
        page.mouse.up()
        middle = float(page.get_by_label("T₀ from").input_value())
        assert middle == pytest.approx(150 + 149 / 2, abs=1.5)
        assert page.get_by_label("T₀ to").input_value() == ""
        assert count(page) == pc.sum(pc.greater_equal(site.rows["t0"], middle)).as_py()
        page.mouse.click(box["x"] + 50, box["y"] + 20)
        assert count(page) == SPOOFS


def test_search_finds_by_key_and_by_live_face(browser: Browser, site: Site) -> None:
    both = [pc.match_substring(site.rows[name].cast(pa.string()), "row-0000") for name in ("live_key", "guide_key")]
    expected = pc.sum(pc.or_(*both)).as_py()
    assert 0 < expected < 150
    with opened(browser, site.url) as page:
        page.keyboard.press("/")
        page.keyboard.type("row-0000")
        # Typed key by key: a slow machine shows what the first keys find before the rest are there.
        wait(page, f"document.getElementById('count').textContent.startsWith('{expected} of ')")
