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
