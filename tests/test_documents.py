"""What the documents name is there: files move, and words about them stay behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.root import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
NAMED = re.compile(
    r"(?<![/\w])((?:factory|difffas|tests|jobs|benchmarks|examples|docs|kubernetes)/[\w./-]+\.(?:py|yaml|md|css|html|js|json))\b"
)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_named_files_and_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = [ROOT / name for name in NAMED.findall(text)]
    linked = [document.parent / link for link in LINK.findall(text) if "://" not in link]
    assert [str(path) for path in (*named, *linked) if not path.exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_are_named_without_their_folder_are_there(document: Path) -> None:
    """A file that was renamed is renamed in what is written of it."""
    rooms = ("benchmarks", "difffas", "examples", "factory", "jobs", "tests")
    there = {path.name for room in rooms for path in (ROOT / room).rglob("*.py")}
    assert set(re.findall(r"`(?:[\w/]+/)?(\w+\.py)`", document.read_text(encoding="utf-8"))) <= there
