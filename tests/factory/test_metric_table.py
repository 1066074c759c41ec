from __future__ import annotations

import re
from typing import Any

import pytest

from tests.pages import Page, one_of_everything, report, summary_of


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return one_of_everything(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def page(inputs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Page:
    return report(tmp_path_factory.mktemp("out") / "report", inputs, title="Faces <one>", triplets_per_style=3)


def test_every_hter_has_its_own_name_and_every_gap_a_reason(page: Page, inputs: dict[str, Any]) -> None:
    text = page.text["detection"]
    summaries = [summary_of(url) for url in inputs["evaluations"].values()]
    for name, label in (("dev_eer", "dev EER"), ("0.5", "0.5"), ("test_eer", "test EER")):
        values = [summary[f"hter@{name}"] for summary in summaries]
        cells = " ".join("—" if value is None else f"{100 * value:.2f}" for value in values)
        assert f"HTER at {label} {cells}" in text
    assert not re.search(r"HTER \d", text)
    reasons = [
        span["title"] for span in page.of("span") if span.get("class") == "none" and "development" in span["title"]
    ]
    assert len(reasons) == 7  # HTER, ACER, BPCER, largest APCER, two attacks, threshold
    best = [attributes for attributes in page.of("td") if attributes.get("class") == "win"]
    assert len(best) == 6  # AUC, D-EER, and HTER and ACER at the two thresholds both have
    assert text.endswith("real both & more")  # the legend of the ROC
