"""A report with an explorer for the tests, and what they do on its page."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pyarrow as pa

from factory.corpus import Corpus

if TYPE_CHECKING:
    from playwright.sync_api import Page

SPOOFS, PICTURES = 150, 90


@dataclasses.dataclass(frozen=True)
class Site:
    """A report with an explorer, and what went into it."""

    url: str
    rows: pa.Table  # the index of the spoofs with the columns of the audit
    real: Corpus
    generated: Corpus


def audit_of(keys: list[str]) -> pa.Table:
    reasons = [("identity", "style", "identity, style", None, None)[n % 5] for n in range(len(keys))]
    return pa.table(
        {
            "key": keys,
            "identity_distance": [0.2 + 0.004 * n for n in range(len(keys))],
            "style_probability": [0.5] * len(keys),
            "accepted": [reason is None for reason in reasons],
            "reason": reasons,
        }
    )


def count(page: Page) -> int:
    found = re.fullmatch(r"([\d,]+) of 150 spoofs", page.inner_text("#count"))
    assert found is not None
    return int(found[1].replace(",", ""))


def type_range(page: Page, name: str, value: str) -> None:
    page.get_by_label(name, exact=True).fill(value)
    page.keyboard.press("Enter")


def wait(page: Page, condition: str) -> None:
    """Until a condition holds; Playwright's own wait would need eval, which the page forbids."""
    page.evaluate(
        f"""new Promise((done, failed) => {{
          const look = left => {condition} ? done() : left ? setTimeout(look, 20, left - 1) : failed(Error("waited"));
          look(250);
        }})"""
    )


def check(page: Page, legend: str, *values: str) -> None:
    for value in values:
        page.locator("fieldset", has=page.get_by_text(legend, exact=True)).get_by_label(value).check()
