"""A search's trials as a table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from factory.tune.charts import picture
from factory.tune.summary import Regenerated
from factory.tune.table import csv_table, markdown_table
from tests.factory.tune.summaries import summary, trials
from tests.pages import one_of_everything, summary_of


def test_tables_have_a_line_for_every_trial_and_name_what_failed() -> None:
    lines = list(csv.DictReader(csv_table(summary()).splitlines()))
    assert [line["trial"] for line in lines] == ["0001", "0002", "0003", "0004", "0005"]
    assert float(lines[3]["learning_rate"]) == trials()[3]["parameters"]["learning_rate"]
    assert (lines[2]["auc"], lines[2]["reason"]) == ("", "no row | at all")
    text = markdown_table(summary()).splitlines()
    assert text[0] == "| trial | t0_max | learning_rate | rows | step | auc | d_eer | status | reason |"
    assert text[5] == "| **0004** | 154 | 0.0004 | 24 | 8 | 0.9 | 0.1 | finished |  |"
    assert text[4] == "| 0003 | 153 | 0.0003 | 23 |  |  |  | failed | no row \\| at all |"
    again: Regenerated = {
        "trial": "0004",
        "folder": "best",
        "t0": [150, 154],
        "cfg_scale": [1.0, 3.0],
        "rows": {"filtered": 24, "regenerated": 48},
        "metric": {"filtered": 0.9, "regenerated": 0.8123},
    }
    assert markdown_table({**summary(), "regenerated": [again]}).splitlines()[-1] == (
        "| 0004 | 150–154 | 1–3 | 24 | 48 | 0.9 | 0.8123 |"
    )


def test_a_report_reads_what_the_tables_are_made_of(tmp_path: Path) -> None:
    searched: Any = summary_of(one_of_everything(tmp_path)["tune"])
    assert markdown_table(searched) and csv_table(searched) and picture(searched)
