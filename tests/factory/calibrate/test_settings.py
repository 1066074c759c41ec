"""What makes no grid is refused; a grid is every match with every T₀ and w."""

from __future__ import annotations

from typing import Any

import pytest

from factory.calibrate import CalibrateConfig
from factory.calibrate.settings import matched
from factory.core.config import build
from factory.models.settings import SamplerConfig

GIVEN = {"inputs": dict.fromkeys(("live", "guides", "generator", "judge"), "x"), "out": "y", "identity": "structure"}


def test_a_cell_is_one_match_one_t0_and_one_w() -> None:
    sampler = {"preset": "balanced", "t0": [100, 300], "by_style": {"cam-print": {"t0": [400, 400]}}, "batch_size": 5}
    grid = {"match": ["none", "domain"], "t0": [250, 450], "cfg_scale": [2.0]}
    cells = list(build(CalibrateConfig, {**GIVEN, "sampler": sampler, "grid": grid}).cells())
    assert [(cell.match, cell.t0, cell.cfg_scale) for cell in cells] == [
        (match, (t0, t0), (2.0, 2.0)) for match in ("none", "domain") for t0 in (250, 450)
    ]
    assert all((cell.preset, cell.batch_size, cell.by_style) == ("balanced", 5, {}) for cell in cells)


def test_a_sampler_that_does_not_match_estimates_nothing() -> None:
    estimating = SamplerConfig(match="style", match_unseen="estimate")
    assert matched(estimating, "domain").match_unseen == "estimate"
    assert matched(estimating, "none") == SamplerConfig()
    assert matched(estimating, "guide") == SamplerConfig(match="guide")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"grid": {"t0": [450, 250]}}, r"grid.t0 \[450, 250\] must rise"),
        ({"grid": {"cfg_scale": [2.0, 2.0]}}, "grid.cfg_scale .* must rise"),
        ({"grid": {"match": ["none", "none"]}}, "grid.match .* names one twice"),
        ({"grid": {"t0": [2, 250]}}, r"t0 \[2, 2\] must lie within steps"),
        ({"check": "dev"}, "check is 'dev', the split that chooses"),
        ({"floor": {"owm": 1}}, "unknown config key 'floor.owm'; did you mean 'own'"),
        ({"identity": "faces"}, "identity"),
    ],
)
def test_what_makes_no_calibration_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(CalibrateConfig, {**GIVEN, **given})


def test_an_estimate_that_no_cell_would_use_is_refused() -> None:
    sampler = {"match": "style", "match_unseen": "estimate"}
    build(CalibrateConfig, {**GIVEN, "sampler": sampler})
    for match in (["none"], ["none", "guide"]):
        with pytest.raises(
            ValueError, match=r"grid\.match \['none'.* estimates no statistics, and sampler\.match_unseen"
        ):
            build(CalibrateConfig, {**GIVEN, "sampler": sampler, "grid": {"match": match}})
