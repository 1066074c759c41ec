"""Pages in a real headless Chromium, with no network.

Without Chromium or Playwright the tests of pages skip; where the environment has CI=true they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--force-color-profile=srgb"),
)


def missing(name: str) -> NoReturn:
    """Ends a test that needs a program or package which is not installed."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not installed, and CI=true asks for the tests of pages", pytrace=False)
    pytest.skip(f"{name} is not installed")


def program() -> str:
    """The path of Chromium."""
    return shutil.which("chromium") or missing("chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that Playwright drives."""
    path = program()
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        missing("playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
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
