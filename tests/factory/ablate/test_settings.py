"""Settings of an ablation say once where generated faces come from."""

from __future__ import annotations

from typing import Any

import pytest

from factory.ablate.settings import AblateConfig
from factory.core.config import build

GIVEN: dict[str, Any] = {"table": "components", "corpus": "faces", "out": "out"}


@pytest.mark.parametrize("way", [{}, {"generated": "spoofs"}, {"generator": "dummy"}, {"fit_generator": {}}])
def test_one_way_or_none_is_taken(way: dict[str, Any]) -> None:
    config = build(AblateConfig, {**GIVEN, **way})
    assert {name: getattr(config, name) for name in way} == way


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"generated": "spoofs", "generator": "dummy"}, "generated and generator both say where"),
        ({"generator": "dummy", "fit_generator": {}}, "generator and fit_generator both say where"),
        ({"generated": "spoofs", "style_encoder": "style"}, "style_encoder is for a generator that fit_generator"),
    ],
)
def test_two_ways_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(AblateConfig, {**GIVEN, **given})
