"""The report's section on ablation tables: one row of cells for each row, and the reason for every gap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import NoConfig
from factory.ablate import STATION
from factory.ablate.figures import column_name
from factory.ablate.gaps import GAPS
from factory.report.ablation_section import TextCell, ablations, open_table
from factory.run import Run


def table(text: str, reasons: dict[str, str]) -> dict[str, Any]:
    cells = [
        {"row": "with", "protocol": "own", "metric": "auc", "text": text, "reasons": reasons},
        {"row": "with", "protocol": "own", "metric": "d_eer", "text": "0.1", "reasons": {}},
        {"row": "without", "protocol": "own", "metric": "auc", "text": "0.8", "reasons": {}},
        {"row": "without", "protocol": "own", "metric": "d_eer", "text": "0.2", "reasons": {}},
    ]
    return {"table": {"title": "T", "shape": "S.", "note": "", "seeds": [0, 1]}, "unit": "frame", "cells": cells}


def test_a_table_has_its_columns_and_rows_in_order_and_each_reason_once(tmp_path: Path) -> None:
    run = Run(str(tmp_path / "out"), STATION, {}, NoConfig())
    same = {"0": "not measured", "1": "not measured"}
    for name, text in (("gaps-1", "old"), ("gaps-2", "—")):
        run.storage.create(f"{GAPS}/{name}.json", json.dumps(table(text, same)).encode())
    found = ablations({"a": open_table(run.storage.url)})
    assert found is not None
    [shown] = found.tables
    assert shown.title == "T" and shown.seeds == [0, 1] and shown.unit == "per frame"
    assert shown.columns == [column_name("own", "auc"), column_name("own", "d_eer")]
    assert shown.rows[0] == ("with", [TextCell("—", "not measured"), TextCell("0.1", "")])
    assert [name for name, _ in shown.rows] == ["with", "without"]
    gaps = open_table(run.storage.url)
    run.finish(table("0.9", {}))
    whole = open_table(run.storage.url)
    found = ablations({"a": whole})
    assert found is not None and found.tables[0].rows[0][1][0].text == "0.9"
    assert whole.digest != gaps.digest


def test_other_folders_and_tables_that_never_ended_are_one_line(tmp_path: Path) -> None:
    other = Run(str(tmp_path / "other"), "report", {}, NoConfig())
    with pytest.raises(ValueError, match="holds a run of report, not an ablation"):
        open_table(other.storage.url)
    begun = Run(str(tmp_path / "begun"), STATION, {}, NoConfig())
    with pytest.raises(ValueError, match="is not finished: run the command that writes it again"):
        open_table(begun.storage.url)
    assert ablations({}) is None
