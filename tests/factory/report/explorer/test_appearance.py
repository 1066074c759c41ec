"""How the explorer looks and opens: dark, on a phone, by name, from a server, with parts missing."""

from __future__ import annotations

import functools
import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from factory.report.explorer import PAGE
from tests.browser import opened
from tests.factory.report.explorer.site import Site, count, wait

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.mark.slow
def test_dark_by_preference_and_by_the_button(browser: Browser, site: Site) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, site.url) as page:
        light = page.evaluate(paper)
        page.keyboard.press("t")
        dark = page.evaluate(paper)
        assert dark != light
        page.goto(site.url.replace(PAGE, "index.html"))
        assert page.evaluate(paper) == dark, "the report keeps what was chosen"
        page.get_by_role("button", name="Switch to light colours").click()
        assert page.evaluate(paper) == light
    with opened(browser, site.url, color_scheme="dark") as page:
        assert page.evaluate(paper) == dark
        page.get_by_role("button", name="Switch to light colours").click()
        assert page.evaluate(paper) == light


@pytest.mark.parametrize("width", [360, 1280, pytest.param(768, marks=pytest.mark.slow)])
def test_nothing_is_wider_than_the_window(browser: Browser, site: Site, width: int) -> None:
    beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    with opened(browser, site.url, viewport={"width": width, "height": 740}) as page:
        assert page.evaluate(beyond) == 0
        for name in ("T₀ × w", "Table", "Faces"):
            page.get_by_role("button", name=name, exact=True).click()
            assert page.evaluate(beyond) == 0, name
            if name == "T₀ × w":  # the grid may scroll, its words may not
                assert page.locator("#grid caption").evaluate("it => it.getBoundingClientRect().right") <= width
        if width == 360:
            assert not page.locator("#search").is_visible()
            page.get_by_role("button", name="Filters").click()
            assert page.locator("#search").is_visible()
            assert page.evaluate(beyond) == 0
        page.locator("#faces .cell").first.click()
        assert page.locator("#viewer").evaluate("one => one.scrollWidth - one.clientWidth") == 0
        page.goto(site.url.replace(PAGE, "index.html"))
        assert page.evaluate(beyond) == 0


def test_every_control_has_a_name(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        tree = page.locator("body").aria_snapshot()
        assert not re.search(r"^\s*- (button|checkbox|spinbutton|searchbox|combobox|img)(:|$| \[)", tree, re.MULTILINE)
        assert re.search(r'button "cam-print, T₀ \d+, w 1.50, BRISQUE [\d.]+, (accepted|refused)', tree)
        assert page.locator("#count").get_attribute("role") == "status"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_it_opens_from_a_server_as_from_disk(browser: Browser, site: Site) -> None:
    root = Path(unquote(urlparse(site.url).path)).parent
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with opened(browser, f"http://127.0.0.1:{server.server_port}/{PAGE}#attack=replay") as page:
            assert count(page) == pc.sum(pc.equal(site.rows["attack"].cast(pa.string()), "replay")).as_py()
            page.locator("#faces .cell").first.click()
            wait(page, "crops.difference.held")
        server.shutdown()


def test_what_is_missing_is_said(browser: Browser, site: Site, tmp_path: Path) -> None:
    (tmp_path / PAGE).write_bytes(Path(unquote(urlparse(site.url).path)).read_bytes())
    context = browser.new_context()
    page = context.new_page()
    page.goto((tmp_path / PAGE).as_uri())
    page.wait_for_selector("#trouble:visible")
    assert "rows-0001.js could not be loaded: the folder explorer/ must lie beside this page" in page.inner_text(
        "#trouble"
    )
    context.close()
