"""The paper's figures on the page and as files."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.corpora import write_corpus
from factory.core.config import build
from factory.report import ReportConfig, run
from factory.report.figures import PAPER, PREPARE, FiguresConfig
from factory.storage import Storage
from tests.pages import Page, report, scored, spoofs_of, summary_of


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> str:
    from benchmarks.corpora import small_rows

    root = tmp_path_factory.mktemp("figures")
    rows = scored(small_rows())
    write_corpus(root / "real", rows)
    write_corpus(root / "made", spoofs_of(rows))
    return str(root / "real")


def test_every_figure_has_a_setting_a_name_in_the_paper_and_a_module() -> None:
    assert list(FiguresConfig.model_fields) == list(PAPER) == list(PREPARE)


def test_a_report_may_be_of_figures_alone_each_also_a_file(real: str, tmp_path: Path) -> None:
    figures = {"margins": {}, "brisque": {"corpora": {"drawn": real}}}
    page = report(tmp_path / "out", {}, figures=figures)
    assert page.sections == ["paper"]
    anchors = {each["id"] for each in page.of("article")}
    assert anchors == {"figure-margins", "figure-brisque"}
    assert {a["href"] for a in page.of("a")} == {"#paper", *(f"#{anchor}" for anchor in anchors)}
    assert "Fig. 10 of the paper" in page.text["paper"] and "Fig. 10, drawn" in page.text["footer"]
    for name in ("margins", "brisque"):
        root = ElementTree.fromstring((tmp_path / "out" / "figures" / f"{name}.svg").read_bytes())
        assert root.tag.endswith("svg")
    assert [Path(name).name for name in summary_of(str(tmp_path / "out"))["figures"]] == ["margins.svg", "brisque.svg"]
    before = Storage(str(tmp_path / "out")).read("index.html")
    assert Page(before.decode()).raw == report(tmp_path / "again", {}, figures=figures).raw, "the same bytes again"


def test_a_report_without_figures_keeps_its_fingerprint(real: str, tmp_path: Path) -> None:
    import json

    report(tmp_path / "out", {"real": real})
    identity = json.loads((tmp_path / "out" / "run.json").read_text())["identity"]
    assert "figures" not in identity and not (tmp_path / "out" / "figures").exists()
    assert "figures" not in summary_of(str(tmp_path / "out"))


def test_a_figure_that_cannot_be_drawn_ends_the_report_before_anything_is_written(real: str, tmp_path: Path) -> None:
    for figures, message in (
        ({"brisque": {"corpora": {"x": str(tmp_path / "none")}}}, "is not a finished corpus"),
        ({"brisque": {"corpora": {}}}, "corpora"),
        ({"heat": {}}, "heat"),
    ):
        with pytest.raises(ValueError, match=message):
            run(build(ReportConfig, {"inputs": {"real": real}, "figures": figures, "out": str(tmp_path / "out")}))
    assert not (tmp_path / "out").exists()
