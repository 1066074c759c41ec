"""Sentences and records that follow from differences alone."""

from __future__ import annotations

from factory.ablate.tables import load_table
from factory.benchmark.differences import Difference
from factory.benchmark.evaluations import Spread
from factory.benchmark.results import (
    Family,
    RowResult,
    difference_records,
    families_of,
    mean_records,
    points,
    signed,
    verdicts,
)
from factory.benchmark.settings import FAMILIES
from tests.ablations import table_of

SPREAD = Spread(0.12, 0.01, 5, 5)


def family(changes: dict[str, Difference | None]) -> Family:
    rows = [RowResult("base", {"hter@dev_eer": SPREAD}, {}, {"print": SPREAD})]
    rows += [RowResult(row, {"hter@dev_eer": SPREAD}, {"hter@dev_eer": each}, {}) for row, each in changes.items()]
    return Family("f", ("p",), rows, {"p": rows})


def test_what_does_not_help_comes_first() -> None:
    changes: dict[str, Difference | None] = {
        "good": Difference(-0.02, -0.03, -0.01, 5, 1),
        "bad": Difference(0.02, 0.01, 0.03, 5, 1),
        "unclear": Difference(0.001, -0.01, 0.012, 5, 1),
        "missing": None,
    }
    found = verdicts([family(changes)], "hter@dev_eer")
    assert [(each.row, each.better) for each in found] == [("bad", -1), ("unclear", 0), ("good", 1)]
    assert found[0].text == "12.00 %, +2.00 (+1.00 to +3.00)"


def test_a_larger_auc_is_better() -> None:
    rows = [
        RowResult("base", {"auc": SPREAD}, {}, {}),
        RowResult("a", {"auc": SPREAD}, {"auc": Difference(0.02, 0.01, 0.03, 5, 1)}, {}),
    ]
    assert [each.better for each in verdicts([Family("f", ("p",), rows, {})], "auc")] == [1]


def test_points_have_signs_and_say_when_there_is_no_interval() -> None:
    assert points(Difference(-0.015, -0.03, 0.0, 5, 1)) == "−1.50 (−3.00 to +0.00)"
    assert points(Difference(0.015, None, None, 1, 1)) == "+1.50 (no interval: 1 seed)"
    assert signed(0.0) == "+0.00"


def test_protocols_go_to_their_families_in_the_tables_order() -> None:
    table = load_table("benchmark")
    assert families_of(table, FAMILIES) == FAMILIES
    own = table_of({"name": "a"}, protocols=["world-loo-print", "own", "world-wc-pt"])
    assert families_of(own, FAMILIES) == {
        "an unseen attack": ("world-loo-print",),
        "own": ("own",),
        "two cameras alone": ("world-wc-pt",),
    }


def test_records_have_every_mean_and_difference() -> None:
    found = [family({"a": Difference(0.02, 0.01, 0.03, 5, 1), "b": None})]
    means = mean_records(found)
    assert [(each["row"], each["metric"], each["attack"]) for each in means] == [
        ("base", "hter@dev_eer", None),
        ("base", "apcer@dev_eer", "print"),
        ("a", "hter@dev_eer", None),
        ("b", "hter@dev_eer", None),
    ]
    assert [(each["row"], each["difference"], each["low"]) for each in difference_records(found)] == [
        ("a", 0.02, 0.01),
        ("b", None, None),
    ]
