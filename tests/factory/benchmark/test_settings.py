"""What the benchmark's settings take and refuse."""

from __future__ import annotations

from typing import Any

import pytest

from factory import protocols
from factory.ablate.tables import load_table
from factory.benchmark.settings import FAMILIES, BenchmarkConfig
from factory.core.config import build

GIVEN: dict[str, Any] = {"out": "out"}


def test_it_is_an_ablation_of_the_shipped_table_on_the_embedded_people() -> None:
    config = build(BenchmarkConfig, {**GIVEN, "seeds": [3], "generator": "dummy"})
    ablation = config.ablation()
    assert (ablation.table, ablation.corpus, ablation.size) == ("benchmark", "embedded://people", 64)
    assert (ablation.seeds, ablation.generator, ablation.generation_seed) == ((3,), "dummy", 0)


def test_families_are_the_protocols_of_the_table() -> None:
    named = [name for family in FAMILIES.values() for name in family]
    assert tuple(named) == load_table("benchmark").protocols
    assert {name for name in protocols.names() if name.startswith("world-")} == set(named)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"judged_by": "hter"}, "unknown metric 'hter' for judged_by"),
        ({"families": {"a": ["p"], "b": ["p"]}}, "families name p twice"),
        ({"resamples": 5}, "resamples"),
        ({"traces": {"t0": 50, "steps": 60}}, "traces.steps 60 must be at most traces.t0"),
        ({"generator": "dummy", "fit_generator": {}}, "both say where"),
    ],
)
def test_a_mistake_is_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(BenchmarkConfig, {**GIVEN, **given})
