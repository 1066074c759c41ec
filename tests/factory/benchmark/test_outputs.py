"""The files of a benchmark that has almost nothing: a name for each, and notes that say what was shared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from factory.benchmark.outputs import DIFFERENCES, MARKDOWN, PAGE, RESULTS, Found, files
from factory.benchmark.results import results_of, verdicts
from tests.ablations import table_of
from tests.benchmarked import evaluations_of


def found(tmp_path: Path, **given: Any) -> Found:
    protocol = "own/rules.yaml:mine"
    table = table_of({"name": "base"}, {"name": "other"}, protocols=[protocol], columns=["auc"], seeds=[0])

    def score(split: str, person: str, attack: str) -> float:
        return 0.9 if attack == "live" else 0.1

    evaluations = evaluations_of(tmp_path, {(row.name, protocol, 0): score for row in table.rows})
    families = results_of(table, evaluations, {protocol: (protocol,)}, "base")
    values: dict[str, Any] = {
        "unit": "frame",
        "baseline": "base",
        "metric": "auc",
        "verdicts": verdicts(families, "auc"),
        "traces": [],
        "maps": [],
        "strength": None,
        "left_out": {},
        "generation_seed": 7,
        "given": None,
    }
    return Found(table=table, evaluations=evaluations, families=families, **{**values, **given})


def test_a_protocol_of_a_users_own_gives_a_file_name(tmp_path: Path) -> None:
    made = files(found(tmp_path))
    assert list(made) == [RESULTS, DIFFERENCES, "roc-own_rules_yaml_mine.svg", MARKDOWN, PAGE]
    assert b"no interval: 1 seed" in made[MARKDOWN]


def test_notes_say_what_is_shared(tmp_path: Path) -> None:
    counts, shared, _ = found(tmp_path).notes()
    assert counts.startswith("2 rows, 1 protocol, 1 seed, 8 test people")
    assert "on its sources alone, with seed 7, and shared by all seeds" in shared
    mine = found(tmp_path / "c", given="models/mine").notes()[1]
    assert mine.startswith("Generated faces come from models/mine, which was given: ")
    assert "sources alone" not in mine
    assert "Each seed has its own generator" in found(tmp_path / "b", generation_seed=None).notes()[1]
