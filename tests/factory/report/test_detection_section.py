from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from factory.evaluate import metrics_of
from tests.pages import Page, folder, report, summary_of


def columns_of(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    """Summaries in the order of the table: one evaluation of single frames, one of frames and of videos."""
    real, both = (summary_of(url) for url in inputs["evaluations"].values())
    return [real, both, both["video"]]


LABELS = {"dev_eer": "dev EER", "dev_bpcer=1%": "dev BPCER = 1 %", "0.5": "0.5", "test_eer": "test EER"}


def shown(summary: dict[str, Any], name: str) -> str:
    if summary[name] is None:
        return "—"
    low, high = summary["interval"]["bounds"][name]
    return f"{100 * summary[name]:.2f} {100 * low:.2f} to {100 * high:.2f}"


def test_every_hter_has_its_own_name_and_every_gap_a_reason(page: Page, inputs: dict[str, Any]) -> None:
    text = page.text["detection"]
    columns = columns_of(inputs)
    for name, label in LABELS.items():
        cells = " ".join(shown(summary, f"hter@{name}") for summary in columns)
        assert f"HTER at {label} {cells}" in text
    assert not re.search(r"HTER \d", text)
    reasons = [
        span["title"] for span in page.of("span") if span.get("class") == "none" and "development" in span["title"]
    ]
    # at dev EER and at dev BPCER = 1 %: HTER, ACER, BPCER, largest APCER, two attacks, threshold; BPCER10, 20 and 100,
    # each with two rows more; HTER and ACER at dev EER again in the short table
    assert len(reasons) == 2 * (7 + 7 + 9 + 2)
    assert "In small: 95 % percentile intervals of 50 bootstrap resamples of 20 subjects." in text
    assert text.endswith("real both & more, frames both & more, videos")  # the legend of ROC and DET


def test_few_metrics_come_first_and_all_are_behind_a_click(page: Page, inputs: dict[str, Any]) -> None:
    short, whole = (page.raw.index(f'aria-label="{name}"') for name in ("Main metrics", "Metrics"))
    assert short < page.raw.index("<summary>All metrics, at every threshold</summary>") < whole
    rows = re.findall(r'<th scope="row"[^>]*>(.*?)</th>', page.raw[short:whole])
    assert rows == ["AUC", "D-EER", "TPR at FPR = 1\u00a0%", "HTER at dev EER", "ACER at dev EER"]
    cells = " ".join(shown(summary, "acer@dev_eer") for summary in columns_of(inputs))
    assert page.text["detection"].count(f"ACER at dev EER {cells}") == 2


def test_without_a_development_split_the_fixed_threshold_comes_first(inputs: dict[str, Any], tmp_path: Path) -> None:
    page = report(tmp_path, {"evaluations": {"alone": inputs["evaluations"]["both & more"]}})
    assert page.text["detection"].count("HTER at 0.5") == 2
    assert page.text["detection"].count("HTER at dev EER") == 1


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


def test_one_subject_or_none_named_has_no_interval_and_says_so(tmp_path: Path) -> None:
    texts = {}
    for name, people in (("nobody", ["", ""]), ("one", ["a", "a"])):
        lines = [f"{people[0]},True,,0.9", f"{people[1]},False,print,0.2"]
        data = "\n".join(["claimed_id,is_bonafide,attack_type,score", *lines, ""]).encode()
        texts[name] = folder(tmp_path / name, "evaluate", metrics_of(data, "test", None), {"scores.csv": data})
    text = report(tmp_path / "out", {"evaluations": texts}).text["detection"]
    assert "nobody: no intervals, because its scores do not all name a subject." in text
    assert "one: no intervals, because it has one subject." in text
