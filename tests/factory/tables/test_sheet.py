"""No cell of a CSV that we write is a formula, and what we read back is what it was."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.ablate.figures import Cell, csv_of
from factory.evaluate import scores
from factory.strength.figures import StrengthSummary, cells_csv
from factory.tables.sheet import plain, safe, table_of
from factory.tune.space import SearchSpace
from factory.tune.summary import SearchSummary
from factory.tune.table import csv_table
from tests.test_architecture import PLANT

FORMULAS = [
    *("=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x")', "-", "+", "@", "="),
    *("\t=1+1", "\r=1+1", "\n=1", "\tx", "\rx", " =1+1", "  -x", "＝1+1", "＋1", "－1+1", "＠x", "−1+1", "﹦1"),
    *("'=1", "''=1", "'-x", "'\t", "-1 ", "+49 30", "-1,5", "-1e", "=1\n=2", "-0x10"),
]
NAMES = list(SearchSpace.model_fields)
PLAIN = ["", "x", "'x", "''", "a=b", "a-b", "-1", "+1.5", "-1e-05", "-.5", "-inf", "nan", "1", "live/0001", "x\t=1"]


@pytest.mark.parametrize("text", FORMULAS, ids=repr)
def test_a_formula_becomes_text_and_comes_back(text: str) -> None:
    assert safe(text) == f"'{text}"
    assert plain(safe(text)) == text


@pytest.mark.parametrize("text", PLAIN, ids=repr)
def test_other_cells_stay(text: str) -> None:
    assert safe(text) == text == plain(text)


@given(st.text(alphabet=st.sampled_from("'=+-@＝ \t\r\n1ax.e")) | st.text())
def test_every_text_comes_back(text: str) -> None:
    assert plain(safe(text)) == text
    assert not safe(text).lstrip(" ").startswith(("=", "@", "\t", "\r"))


def test_numbers_stay_numbers() -> None:
    for value in (-1, -1.5, None, True, np.float64(-2.5)):
        assert safe(value) is value


def is_safe(text: str) -> bool:
    cells = [cell for line in csv.reader(io.StringIO(text)) for cell in line]
    return all(safe(cell) == cell or cell.startswith("'") for cell in cells)


def lines(names: list[str]) -> scores.Scores:
    columns: dict[str, Any] = {name: np.array(names, dtype=object) for name in scores.COLUMNS}
    columns["is_bonafide"] = np.zeros(len(names), bool)
    columns["score"] = -np.arange(len(names), dtype=np.float64) - 0.25
    return scores.Scores(columns)


def test_scores_come_back_with_the_same_keys_and_metrics() -> None:
    names = [text for text in FORMULAS if text == text.strip()] + ["plain"]
    written = lines(names).csv()
    assert is_safe(written.decode())
    assert b"'=1+1" in written and b",-0.25," in written
    again = scores.read(written)
    for column, values in lines(names).columns.items():
        assert (again.columns[column] == values).all(), column
    assert again.csv() == written


def test_keys_that_begin_with_a_blank_come_back_too() -> None:
    names = ["\t=1+1", "\r=1", " =1+1", "\t", "-x \r\n", '=a,"b"']
    assert scores.read(lines(names).csv()).columns["key"].tolist() == names


def test_evaluate_reads_its_own_scores_again(tmp_path: Path) -> None:
    from factory.core.config import build
    from factory.evaluate import EvaluateConfig, run

    made = lines(["=live", "=live2", "@a", "@b"])
    made.columns["split"] = np.array(["test"] * 4, dtype=object)
    made.columns["is_bonafide"] = np.array([True, True, False, False])
    (tmp_path / "given.csv").write_bytes(made.csv())
    given = {"scores": str(tmp_path / "given.csv"), "out": str(tmp_path / "a"), "dev_split": None, "resamples": 0}
    first = run(build(EvaluateConfig, given))
    written = tmp_path / "a" / "scores.csv"
    assert written.read_bytes() == made.csv()
    second = run(build(EvaluateConfig, {**given, "scores": str(written), "out": str(tmp_path / "b")}))
    assert first.keys() == second.keys()


def test_the_tables_of_tune_ablate_and_strength() -> None:
    trial = {"trial": "=1", "parameters": {NAMES[0]: -1.5, NAMES[1]: "@x"}, "status": "done", "reason": "-x"}
    table = csv_table(cast(SearchSummary, {"trials": [trial]}))
    assert is_safe(table) and "'=1" in table and "'@x" in table and "-1.5" in table
    cell = Cell(row="+row", protocol="=p", metric="auc", values={0: -0.5}, reasons={1: "=why"}, runs={1: "@run"})
    long = csv_of([cell])
    assert is_safe(long) and "'+row" in long and "'=why" in long and "-0.5" in long
    for text in (
        table_of([{"style": "=s", "x": -1.0}]),
        cells_csv(cast(StrengthSummary, {"cells": [{"style": "=s", "x": -1}]})).decode(),
    ):
        assert is_safe(text) and "'=s,-1" in text


def test_every_writer_of_csv_goes_through_it() -> None:
    """A new table shall not forget it."""
    writers = [path.name for path in PLANT if "csv.writer(" in path.read_text() or "DictWriter(" in path.read_text()]
    assert writers == ["sheet.py"]
