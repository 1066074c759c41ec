"""JSON of a file is compared with a TypedDict: the first key that differs is named."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

import pytest

from factory.ablate import AblationSummary
from factory.audit.summary import AuditSummary
from factory.core.documents import JsonObject
from factory.core.typed_json import misfit
from factory.corpus import Totals
from factory.evaluate import EvaluationSummary
from factory.line import LineSummary
from factory.report import ReportSummary, ablation_section, audit_section, training_section
from factory.run import Claim
from factory.strength.figures import StrengthSummary
from factory.train import TrainSummary
from factory.tune.summary import SearchSummary


class Cell(TypedDict):
    mean: float | None
    kind: Literal["frame", "video"]


class Document(TypedDict):
    count: int
    held_out: bool
    cells: list[Cell]
    rates: dict[str, float]
    settings: JsonObject
    note: NotRequired[str]


GOOD: dict[str, Any] = {
    "count": 3,
    "held_out": True,
    "cells": [{"mean": 1, "kind": "frame"}, {"mean": None, "kind": "video"}],
    "rates": {"a": 0.5},
    "settings": {"deep": [{"er": None}]},
    "added by a later version": 1,
}


@pytest.mark.parametrize("change", [{}, {"note": "x"}, {"cells": []}, {"rates": {}}])
def test_a_document_that_fits(change: dict[str, Any]) -> None:
    assert misfit(GOOD | change, Document) is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"count": "3"}, "its count has another form"),
        ({"count": True}, "its count has another form"),
        ({"count": 3.5}, "its count has another form"),
        ({"held_out": 1}, "its held_out has another form"),
        ({"cells": {}}, "its cells has another form"),
        ({"cells": [*GOOD["cells"], {"mean": 0.5}]}, "its cells.2.kind is missing"),
        ({"cells": [{"mean": "0.5", "kind": "frame"}]}, "its cells.0.mean has another form"),
        ({"cells": [{"mean": 0.5, "kind": "image"}]}, "its cells.0.kind has another form"),
        ({"rates": {"a": None}}, "its rates.a has another form"),
        ({"rates": [0.5]}, "its rates has another form"),
        ({"settings": None}, "its settings has another form"),
        ({"note": 1}, "its note has another form"),
    ],
)
def test_the_first_key_that_differs_is_named(change: dict[str, Any], fault: str) -> None:
    assert misfit(GOOD | change, Document) == fault


@pytest.mark.parametrize("key", ["count", "held_out", "cells", "rates", "settings"])
def test_a_missing_key_is_named(key: str) -> None:
    assert misfit({name: value for name, value in GOOD.items() if name != key}, Document) == f"its {key} is missing"


def test_a_document_within_a_union() -> None:
    assert misfit(None, Cell | None) is None
    assert misfit({"mean": 1.0}, Cell | None, "video") == "its video.kind is missing"
    assert misfit(3, Cell | None, "video") == "its video has another form"


@pytest.mark.parametrize(
    "kind",
    [
        *(AblationSummary, AuditSummary, Claim, EvaluationSummary, LineSummary, ReportSummary, SearchSummary),
        *(ablation_section.ShownSummary, audit_section.ShownSummary, training_section.ShownSummary),
        *(StrengthSummary, Totals, TrainSummary),
    ],
)
def test_every_document_of_a_run_can_be_compared(kind: type) -> None:
    """Each type in it is one that the comparison knows; an empty document lacks a key of each of them."""
    fault = misfit({}, kind)
    assert fault is not None and fault.endswith("is missing")
