"""Mean and deviation over seeds, as Markdown and CSV."""

from __future__ import annotations

import csv
import io
import statistics

import pytest

from factory.ablate.figures import cells_of, csv_of, markdown_of
from tests.ablations import cell, graph_of, table_of


def test_mean_and_deviation_by_hand() -> None:
    found = cell({0: 0.10, 1: 0.14, 2: 0.18})
    assert found.mean == pytest.approx(0.14)
    assert found.deviation == pytest.approx(0.04)  # sqrt((0.04² + 0 + 0.04²) / 2)
    assert found.text == "14.00 ± 4.00"
    assert (cell({0: 0.5}).deviation, cell({0: 0.5}).text) == (None, "50.00")
    part = cell({0: 0.5, 2: 0.7}, {1: "it failed"})
    assert (part.text, part.filled) == ("60.00 ± 14.14 (2 of 3 seeds)", False)
    assert (cell({}, {0: "it failed"}).text, cell({}, {0: "x"}).mean) == ("—", None)


def test_markdown_has_a_reason_for_every_gap() -> None:
    table = table_of({"name": "a"}, {"name": "b|c"}, protocols=["own", "mi-c"], seeds=[0, 1])
    fault = "fit_classifier-1: ValueError: no"
    cells = [
        cell({0: 0.5, 1: 0.5}),
        cell({}, {0: fault, 1: fault}, protocol="mi-c"),
        cell({0: 0.25}, {1: fault}, row="b|c"),
        cell({}, {0: "other", 1: fault}, row="b|c", protocol="mi-c"),
    ]
    lines = markdown_of(table, cells, "frame").splitlines()
    assert "|  | auc | mi-c auc |" in lines
    assert "| a | 50.00 ± 0.00 | — [1] |" in lines
    assert "| b\\|c | 25.00 (1 of 2 seeds) [1] | — [2] [1] |" in lines
    assert f"1. {fault}" in lines
    assert "2. other" in lines
    assert "Percent, mean ± standard deviation (n − 1) over seeds 0, 1; per frame." in lines


def test_the_long_form_has_a_line_per_seed() -> None:
    lines = list(csv.DictReader(io.StringIO(csv_of([cell({0: 0.1, 1: 0.3}, {2: "it failed"})]))))
    assert [(line["statistic"], line["seed"]) for line in lines] == [
        ("value", "0"),
        ("value", "1"),
        ("value", "2"),
        ("mean", ""),
        ("deviation", ""),
    ]
    assert [line["value"] for line in lines][:3] == ["0.1", "0.3", ""]
    assert float(lines[3]["value"]) == pytest.approx(0.2)
    assert lines[2]["reason"] == "it failed"
    assert lines[0]["run"] == "evaluate-0"


def test_the_average_is_over_protocols_seed_by_seed() -> None:
    table = table_of({"name": "a"}, protocols=["mi-c", "oci-m"], average=True, seeds=[0, 1])
    evaluations = graph_of(table).evaluations
    figures: dict[tuple[str, int], float | str] = {
        ("mi-c", 0): 0.1,
        ("oci-m", 0): 0.3,
        ("mi-c", 1): 0.2,
        ("oci-m", 1): "it failed",
    }
    cells = cells_of(table, evaluations, lambda each, metric: figures[each.protocol, each.seed])
    assert [cell.protocol for cell in cells] == ["mi-c", "oci-m", "average"]
    assert cells[-1].values == {0: pytest.approx(0.2)}
    assert cells[-1].reasons == {1: "no figure under oci-m"}
    assert statistics.fmean(cells[0].values.values()) == pytest.approx(0.15)


def test_the_average_is_over_the_protocols_that_are_named() -> None:
    """Of WMCA's protocols the grandtest has no unseen attack."""
    names = ["wmca-grandtest", "wmca-loo-print", "wmca-loo-glasses"]
    table = table_of({"name": "a"}, protocols=names, average=names[1:])
    figures = dict(zip(names, (0.9, 0.1, 0.3), strict=True))
    cells = cells_of(table, graph_of(table).evaluations, lambda each, metric: figures[each.protocol])
    assert [(cell.protocol, cell.mean) for cell in cells] == [*figures.items(), ("average", pytest.approx(0.2))]
    text = markdown_of(table, cells, "video")
    assert "per video: the mean score of a recording's frames. The average is over wmca-loo-print, wmca-loo-" in text
