"""Links to one spoof, and the browser's back and forward, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import opened
from tests.factory.report.explorer.site import PICTURES, Site, check, wait

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SPOOF = "location.hash.includes('spoof=')"


def shown(page: Page) -> str:
    """The key of the spoof that is open."""
    return page.locator("#facts dd").nth(-3).inner_text()


def test_a_link_opens_its_spoof_also_one_without_a_picture(browser: Browser, site: Site) -> None:
    keys = site.rows["key"].to_pylist()
    with opened(browser, site.url) as page:
        row = page.evaluate("pictureOf.indexOf(-1)")
    for place, pictured in ((0, None), (row, False)):
        with opened(browser, f"{site.url}#spoof={keys[place]}") as page:
            assert page.locator("#viewer").is_visible()
            assert shown(page) == keys[place]
            if pictured is False:
                assert "no picture of the spoof" in page.inner_text("#exactness")
            page.keyboard.press("Escape")
            assert not page.locator("#viewer").is_visible()
            wait(page, f"!{SPOOF}")
            assert page.locator("#faces .cell").count() == 60


def test_back_closes_a_spoof_and_forward_opens_it_again(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        check(page, "Attack", "print")
        found = page.inner_text("#count")
        page.locator("#faces .cell").nth(3).click()
        key = shown(page)
        wait(page, SPOOF)
        page.go_back()
        wait(page, "!viewer.open")
        assert page.inner_text("#count") == found, "the filters stay"
        page.go_forward()
        wait(page, "viewer.open")
        assert shown(page) == key
        page.keyboard.press("ArrowRight")
        other = shown(page)
        assert other != key
        wait(page, f"location.hash.includes('{other}')")
        page.keyboard.press("Escape")
        wait(page, f"!viewer.open && !{SPOOF}")
        assert "attack=print" in page.url and page.inner_text("#count") == found


def test_closing_takes_back_what_opening_added_to_the_history(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        page.locator("#faces .cell").first.click()
        wait(page, SPOOF)
        page.keyboard.press("Escape")
        wait(page, f"!{SPOOF}")
        page.go_forward()
        wait(page, "viewer.open")


@pytest.mark.slow
def test_the_viewer_gives_a_link_to_the_spoof_alone(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        check(page, "Attack", "replay")
        page.locator("#faces .cell").nth(1).click()
        key = shown(page)
        assert page.locator("#link").get_attribute("href") == f"#spoof={key}"
        page.locator("#link").click()
        wait(page, "document.getElementById('link').textContent !== 'Link to this spoof'")


def test_a_link_to_another_run_says_so(browser: Browser, site: Site) -> None:
    with opened(browser, f"{site.url}#spoof=<b>nobody") as page:
        assert page.locator("#trouble").is_visible()
        assert "No spoof here has the key <b>nobody: the link may be to another run." in page.inner_text("#trouble")
        assert not page.locator("#viewer").is_visible()
        check(page, "Attack", "print")
        assert not page.locator("#trouble").is_visible()


def test_the_first_spoofs_show_every_person_once_in_styles_by_turns(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        facts = "[...document.querySelectorAll('#faces .cell')].map(one => Number(one.dataset.row))"
        rows = page.evaluate(facts)
        of = {name: site.rows[name].to_pylist() for name in ("subject", "live_domain", "style")}
        pictured = page.evaluate("Array.from(pictured)")
        people = {(of["live_domain"][row], of["subject"][row]) for row in pictured}
        first = [(of["live_domain"][row], of["subject"][row]) for row in rows[: len(people)]]
        assert len(people) > 3 and set(first) == people
        assert rows == pictured[: len(rows)], "the sheets are in this order: the first page needs few of them"
        assert len({of["style"][row] for row in rows[:4]}) > 1
        page.get_by_label("Order").select_option("style")
        styles = [of["style"][row] for row in page.evaluate(facts)]
        assert styles == sorted(styles)
        same = [row for row in page.evaluate(facts) if of["style"][row] == styles[0]]
        both = [(of["live_domain"][row], of["subject"][row]) for row in same]
        assert len(set(both[: len(set(both))])) == len(set(both)), "also within a style"
        assert page.inner_text("#page").endswith(f"of {PICTURES}")


def test_what_the_page_wrote_into_the_address_undoes_nothing(browser: Browser, site: Site) -> None:
    """The event of an address comes late on a slow machine, when the reader has already gone on."""
    with opened(browser, site.url) as page:
        page.evaluate("setView('grid'); saveAddress(); setView('table');")
        wait(page, "location.hash === '#view=table'")
        assert page.locator("#table").is_visible()
        assert page.evaluate("look.view") == "table"
