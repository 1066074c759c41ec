from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.core.config import build
from factory.train.recipes.classifier import FitClassifierConfig
from factory.tune.space import SearchSpace, Values, draw, located, optuna_space, settings_of

FIT = {"corpus": "real", "generated": "spoofs", "out": "out", "loss": {"name": "rq"}}
EVERYTHING = {
    "live_margin": [0.1, 0.5],
    "spoof_margin": {"choices": [0.1, 0.2]},
    "scale": [16, 64],
    "t0_min": [100, 200],
    "t0_max": [200, 400],
    "cfg_scale_min": {"choices": [1, 1.5]},
    "cfg_scale_max": [1.5, 3],
    "generated_share": [0.2, 0.7],
    "style_weights": {"print": [0.5, 2], "cam-replay": {"choices": [1, 3]}},
    "learning_rate": [1e-5, 1e-2],
}


def space(**given: Any) -> SearchSpace:
    return build(SearchSpace, given or EVERYTHING)


@given(seed=st.integers(0, 10**6), trial=st.integers(0, 10**4))
def test_a_draw_lies_within_its_values_and_follows_from_seed_and_number(seed: int, trial: int) -> None:
    found = draw(space(), seed, trial)
    for name, values in space().varied():
        assert values.least <= found[name] <= values.most
        if values.choices is not None:
            assert found[name] in values.choices
    assert found == draw(space(), seed, trial)
    assert isinstance(found["t0_max"], int)
    assert found["t0_min"] <= found["t0_max"]
    only = draw(space(t0_max=[200, 400]), seed, trial)
    assert only == {"t0_max": found["t0_max"]}  # whatever else is searched


def test_draws_fill_their_ranges_evenly_and_the_learning_rate_its_decades() -> None:
    found = [draw(space(), 1, trial) for trial in range(2000)]
    t0, rate = (np.array([each[name] for each in found]) for name in ("t0_max", "learning_rate"))
    assert (t0.min(), t0.max()) == (200, 400)
    assert abs((t0 <= 300).mean() - 0.5) < 0.05
    for low in (1e-5, 1e-4, 1e-3):
        assert abs(((rate >= low) & (rate < 10 * low)).mean() - 1 / 3) < 0.05
    assert abs(np.corrcoef(t0, rate)[0, 1]) < 0.05
    assert len({tuple(each.values()) for each in found}) == 2000


def test_parameters_reach_the_settings_they_are_named_after() -> None:
    fit = build(FitClassifierConfig, {**FIT, "generated_rows": {"t0": [150, 350], "cfg_scale": [1, 4]}})
    found = draw(space(), 0, 7)
    given = settings_of(fit, found, "trials/0008")
    assert given.out == "trials/0008"
    assert given.generated_rows.t0 == (found["t0_min"], found["t0_max"])
    assert given.generated_rows.cfg_scale == (found["cfg_scale_min"], found["cfg_scale_max"])
    assert given.train.learning_rate == found["learning_rate"]
    assert given.sampling.generated_share == found["generated_share"]
    weights = {"print": found["style_weights.print"], "cam-replay": found["style_weights.cam-replay"]}
    assert given.sampling.style_weights == weights
    assert given.loss.parameters == {name: found[name] for name in ("live_margin", "spoof_margin", "scale")}
    one = settings_of(fit, {"t0_max": 222}, "there")
    assert one == fit.model_copy(
        update={"out": "there", "generated_rows": fit.generated_rows.model_copy(update={"t0": (150, 222)})}
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"live_margn": [0, 1]}, "unknown config key 'live_margn'; did you mean 'live_margin'"),
        ({"style_weights": {}}, "nothing to search: give values of live_margin, "),
        ({"live_margin": [0.5, 0.1]}, "'live_margin': [0.5, 0.1] must rise"),
        ({"live_margin": [0.1, 0.2, 0.3]}, "give a closed range [low, high], or {choices: [a, b, …]}"),
        ({"live_margin": {"choices": []}}, "choices"),
        ({"live_margin": {"low": 1}}, "give a closed range"),
        ({"live_margin": [0, float("nan")]}, "should be a finite number"),
        ({"t0_max": [100.5, 200]}, "t0_max [100.5, 200.0] must be whole numbers"),
        ({"learning_rate": [0, 1]}, "learning_rate must be above 0"),
        ({"t0_min": [100, 300], "t0_max": [200, 400]}, "t0_min reaches 300, above the least t0_max, 200"),
    ],
)
def test_mistakes_are_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        build(SearchSpace, given)
    assert "\n" not in str(raised.value)


def test_a_loss_without_the_parameter_is_refused() -> None:
    fit = build(FitClassifierConfig, {**FIT, "loss": {"name": "focal"}})
    with pytest.raises(ValueError, match="loss 'focal' has no parameter 'live_margin'"):
        settings_of(fit, {"live_margin": 0.1}, "out")


def test_optuna_gets_the_same_values() -> None:
    found = optuna_space(space())
    assert list(found) == [name for name, _ in space().varied()]
    for name, values in space().varied():
        for _ in range(20):
            assert values.least <= found[name].sample() <= values.most
    assert {found["t0_max"].sample() for _ in range(50)} <= set(range(200, 401))
    pair: Any = [1, 1]
    assert build(Values, pair).least == 1


def test_a_configuration_reads_its_own_record() -> None:
    assert build(SearchSpace, space().model_dump(mode="json")) == space()


def test_a_trial_gets_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs in a folder of Ray Tune's."""
    monkeypatch.chdir(tmp_path)
    given = {**FIT, "audit": "s3://bucket/audit", "protocol": "mine.yaml:own", "backbone": "local-dir:weights"}
    places = located(build(FitClassifierConfig, given))
    assert (places.corpus, places.generated) == (f"{tmp_path}/real", f"{tmp_path}/spoofs")
    assert (places.protocol, places.backbone) == (f"{tmp_path}/mine.yaml:own", f"local-dir:{tmp_path}/weights")
    assert places.audit == "s3://bucket/audit"
    plain = located(build(FitClassifierConfig, {"corpus": "/real", "out": "out", "protocol": "mi-c"}))
    assert (plain.corpus, plain.generated, plain.protocol, plain.backbone) == ("/real", None, "mi-c", "mobilevit_s")
