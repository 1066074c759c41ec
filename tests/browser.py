"""Pages in a real headless Chromium, with no network."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--force-color-profile=srgb"),
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; skips where Chromium or Playwright is not installed."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser, url: str, on_request: Callable[[str], None] = lambda url: None, **settings: Any
) -> Iterator[Page]:
    """The page, once it is ready; what its console says and what it fails to load is an error.

    `on_request` is called with every address that the page asks for.
    """
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("requestfailed", lambda request: troubles.append(f"failed {request.url}"))
    page.on("request", lambda request: on_request(request.url))
    page.goto(url)
    page.wait_for_selector("body.ready")
    yield page
    context.close()
    assert not troubles
