"""What a corpus calls its domains, subjects and sources is text in the report, never part of the page."""

from __future__ import annotations

from pathlib import Path

from benchmarks.corpora import row, write_corpus
from factory import report
from factory.core.config import build

EVIL = "</script><script>alert(1)</script>"


def test_names_are_text(tmp_path: Path) -> None:
    rows = [row(number, domain=EVIL, subject=EVIL, source=EVIL, license=EVIL) for number in range(4)]
    write_corpus(tmp_path / "real", rows)
    inputs = {"real": str(tmp_path / "real")}
    report.run(build(report.ReportConfig, {"inputs": inputs, "out": str(tmp_path / "report"), "title": EVIL}))
    pages = [page.read_text(encoding="utf-8") for page in (tmp_path / "report").glob("*.html")]
    assert any("alert(1)" in page for page in pages)  # it is shown
    assert not [page for page in pages if EVIL in page or "<script>alert" in page]
