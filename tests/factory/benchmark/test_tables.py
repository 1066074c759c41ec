"""Markdown and CSV of a hand-made benchmark."""

from __future__ import annotations

from pathlib import Path

from factory.benchmark.results import results_of, verdicts
from factory.benchmark.tables import chance, markdown, results_csv
from factory.benchmark.traces import Trace
from tests.ablations import table_of
from tests.benchmarked import evaluations_of, lines_of

COLUMNS = ["hter@dev_eer", "auc"]


def test_the_text_says_first_what_does_not_help_and_the_csv_has_all(tmp_path: Path) -> None:
    table = table_of({"name": "base"}, {"name": "other | way"}, protocols=["p", "q"], columns=COLUMNS, seeds=[0, 1])
    scores = {
        (row.name, protocol, seed): (lambda split, person, attack: 0.9 if attack == "live" else 0.1)
        for row in table.rows
        for protocol in table.protocols
        for seed in table.seeds
    }
    found = evaluations_of(tmp_path, {**scores, ("other | way", "q", 1): "no luck"})
    families = results_of(table, found, {"both": ("p", "q")}, "base")
    trace: Trace = {
        "row": "base", "adds_faces": False, "bpcer": 0.1, "passed": 0.2, "change": 0.1, "low": None, "high": None,
    }  # fmt: skip
    said = verdicts(families, "hter@dev_eer")
    text = markdown(table, families, said, "base", "hter@dev_eer", ["A note."], found.gaps, [trace])
    assert text.startswith("# Own\n\nA note.\n\nHTER at the dev threshold in percent, and its difference to “base”")
    assert "## What shows no difference\n\n* **other | way**, both: 0.00 %, +0.00 (no interval: 1 seed)" in text
    assert "| base | 0.00 ± 0.00 | 100.00 ± 0.00 |  |" in text
    assert "| other \\| way | 0.00 (1 of 2 seeds) |" in text
    assert "* other | way / q, seed 1: no luck" in text
    assert "| base |  | 10.00 | 20.00 | +10.00 |" in text
    lines = lines_of(results_csv(found, families))
    assert {line["family"] for line in lines} == {"both"}
    auc = [line for line in lines if line["metric"] == "auc"]
    assert [(line["row"], line["protocol"], line["seed"], line["value"]) for line in auc][-1] == (
        *("other | way", "q", "0"),
        "1.0",
    )
    assert len(auc) == 7


def test_many_comparisons_are_warned_of() -> None:
    assert "Of 40 comparisons without any effect about 2.0 would be called worse or better" in chance(40)
