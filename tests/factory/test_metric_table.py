from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from factory.evaluate import metrics_of
from factory.metric_table import metric_table
from tests.pages import Page, folder, one_of_everything, report, summary_of


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return one_of_everything(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def page(inputs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Page:
    return report(tmp_path_factory.mktemp("out") / "report", inputs, title="Faces <one>", triplets_per_style=3)


def columns_of(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    """Summaries in the order of the table: one evaluation of single frames, one of frames and of videos."""
    real, both = (summary_of(url) for url in inputs["evaluations"].values())
    return [real, both, both["video"]]


def shown(summary: dict[str, Any], name: str) -> str:
    if summary[name] is None:
        return "—"
    low, high = summary["interval"]["bounds"][name]
    return f"{100 * summary[name]:.2f} {100 * low:.2f} to {100 * high:.2f}"


def test_every_hter_has_its_own_name_and_every_gap_a_reason(page: Page, inputs: dict[str, Any]) -> None:
    text = page.text["detection"]
    columns = columns_of(inputs)
    for name, label in (("dev_eer", "dev EER"), ("0.5", "0.5"), ("test_eer", "test EER")):
        cells = " ".join(shown(summary, f"hter@{name}") for summary in columns)
        assert f"HTER at {label} {cells}" in text
    assert not re.search(r"HTER \d", text)
    reasons = [
        span["title"] for span in page.of("span") if span.get("class") == "none" and "development" in span["title"]
    ]
    # HTER, ACER, BPCER, largest APCER, two attacks, threshold; BPCER10, 20 and 100, each with two rows more
    assert len(reasons) == 2 * (7 + 9)
    assert "In small: 95 % percentile intervals of 50 bootstrap resamples of 20 subjects." in text
    assert text.endswith("real both & more, frames both & more, videos")  # the legend of ROC and DET


def test_bpcer_at_an_apcer_names_the_split_of_its_threshold(page: Page, inputs: dict[str, Any]) -> None:
    text = page.text["detection"]
    for n in (10, 20, 100):
        for origin in ("dev", "test"):
            cells = " ".join(shown(summary, f"bpcer{n}@{origin}") for summary in columns_of(inputs))
            assert f"BPCER{n} at {origin} {cells} APCER, largest, there" in text
    cells = " ".join(shown(summary, "tpr@fpr=1%") for summary in columns_of(inputs))
    assert f"TPR at FPR = 1 % {cells}" in text


def test_roc_and_det_have_a_curve_for_every_column(page: Page) -> None:
    for name in ("ROC", "DET"):
        (chart,) = [a for a in page.of("svg") if a.get("aria-label", "").startswith(f"{name} of ")]
        assert chart["aria-label"] == f"{name} of real, both & more, frames, both & more, videos"


def test_the_best_is_found_among_frames_and_among_videos() -> None:
    facts = {"n_live": 1, "n_spoof": 1, "n_by_attack": {}, "n_dev_live": 0, "n_dev_spoof": 0}
    columns = {
        name: {**facts, "unit": unit, "auc": auc, "hter@0.5": 1 - auc}
        for name, unit, auc in (("a", "frame", 0.7), ("b", "frame", 0.8), ("c", "video", 0.9), ("d", "video", 0.9))
    }
    rows = {row["label"]: row for group in metric_table(columns) for row in group["rows"]}
    assert [cell["best"] for cell in rows["AUC"]["cells"]] == [False, True, False, False]
    assert [cell["best"] for cell in rows["HTER at 0.5"]["cells"]] == [False, True, False, False]
    assert not any(cell["best"] for cell in rows["BPCER at 0.5"]["cells"])


@pytest.mark.parametrize(
    ("changed", "key", "why"),
    [
        ({"n_live": 0}, "AUC", "the test split of this evaluation holds no live face"),
        ({"n_spoof": 0}, "HTER at 0.5", "the test split of this evaluation holds no attack"),
        ({}, "BPCER20 at dev", "needs a development split with live faces and attacks"),
        ({}, "TPR at FPR = 1\u00a0%", "evaluate did not record it"),
    ],
)
def test_why_there_is_no_figure(changed: dict[str, int], key: str, why: str) -> None:
    facts = {"n_live": 1, "n_spoof": 1, "n_by_attack": {}, "n_dev_live": 0, "n_dev_spoof": 0, **changed}
    rows = {row["label"]: row for group in metric_table({"a": facts}) for row in group["rows"]}
    (cell,) = rows[key]["cells"]
    assert (cell["text"], cell["why"]) == (None, why)


def test_one_subject_or_none_named_has_no_interval_and_says_so(tmp_path: Path) -> None:
    texts = {}
    for name, people in (("nobody", ["", ""]), ("one", ["a", "a"])):
        lines = [f"{people[0]},True,,0.9", f"{people[1]},False,print,0.2"]
        data = "\n".join(["claimed_id,is_bonafide,attack_type,score", *lines, ""]).encode()
        texts[name] = folder(tmp_path / name, "evaluate", metrics_of(data, "test", None), {"scores.csv": data})
    text = report(tmp_path / "out", {"evaluations": texts}).text["detection"]
    assert "nobody: no intervals, because its scores do not all name a subject." in text
    assert "one: no intervals, because it has one subject." in text
