from __future__ import annotations

from typing import Any

import pytest

from factory.charts.metric_table import metric_table


def test_the_best_is_found_among_frames_and_among_videos() -> None:
    facts: Any = {"n_live": 1, "n_spoof": 1, "n_by_attack": {}, "n_dev_live": 0, "n_dev_spoof": 0}
    columns: dict[str, Any] = {
        name: {**facts, "unit": unit, "auc": auc, "hter@0.5": 1 - auc}
        for name, unit, auc in (("a", "frame", 0.7), ("b", "frame", 0.8), ("c", "video", 0.9), ("d", "video", 0.9))
    }
    rows = {row.label: row for group in metric_table(columns) for row in group.rows}
    assert [cell.best for cell in rows["AUC"].cells] == [False, True, False, False]
    assert [cell.best for cell in rows["HTER at 0.5"].cells] == [False, True, False, False]
    assert not any(cell.best for cell in rows["BPCER at 0.5"].cells)


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
    facts: Any = {"n_live": 1, "n_spoof": 1, "n_by_attack": {}, "n_dev_live": 0, "n_dev_spoof": 0, **changed}
    rows = {row.label: row for group in metric_table({"a": facts}) for row in group.rows}
    (cell,) = rows[key].cells
    assert (cell.text, cell.why) == (None, why)
