"""Optuna's proposals across drivers: nothing twice, by the seed, within the space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.storage import Storage
from factory.tune.record import Record
from factory.tune.trials import search
from tests.factory.tune.stand_in import Killed, StandIn, config_of, run


def test_optuna_knows_what_came_back_and_draws_nothing_twice(
    tmp_path: Path, stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna")
    search = {"live_margin": [0.1, 0.5], "t0_max": {"choices": [160, 170]}, "learning_rate": [1e-4, 1e-2]}
    config = config_of(tmp_path, searcher="optuna", search=search, trials=5)
    stand_in.aucs = {"0001": 0.9, "0002": 0.5, "0003": 0.6, "0004": 0.95, "0005": 0.3}
    stand_in.kill = ("0003", 5)
    with pytest.raises(Killed):
        run(config, monkeypatch)
    noted = Record(Storage(config.out)).proposed(config.search)
    assert sorted(noted) == ["0001", "0002", "0003"]
    stand_in.kill = None
    told: list[Any] = []
    from ray.tune.search.optuna import OptunaSearch

    real = OptunaSearch.add_evaluated_point
    monkeypatch.setattr(OptunaSearch, "add_evaluated_point", lambda *a, **k: (told.append(a[1:]), real(*a, **k))[1])
    found = run(config, monkeypatch)
    assert told == [(noted[name], stand_in.aucs[name]) for name in ("0001", "0002", "0003")]  # 0003 as it ended
    assert {each.name: each.parameters for each in found if each.name in noted} == noted
    assert len({each.parameters["live_margin"] for each in found}) == 5
    assert {each.parameters["t0_max"] for each in found} <= {160, 170}


def test_optuna_s_proposals_follow_from_the_seed(
    tmp_path: Path, stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna")
    stand_in.aucs = {"0001": 0.9, "0002": 0.5}

    def proposed(folder: str, seed: int) -> list[Any]:
        config = config_of(tmp_path / folder, searcher="optuna", trials=2, seed=seed)
        return [each.parameters for each in run(config, monkeypatch)]

    assert proposed("one", 3) == proposed("two", 3) != proposed("three", 4)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ('{"live_margin": 9}', "live_margin 9 is not of search.live_margin"),
        ('{"live_margin": "0.2"}', "is corrupt"),
        ('{"live_margin": NaN}', "is corrupt"),
        ("{}", "is corrupt"),
        ('{"live_margin": 0.2, "out": 1}', "is corrupt"),
        ("[0.2]", "is corrupt"),
    ],
)
def test_parameters_that_optuna_did_not_propose_are_refused(tmp_path: Path, parameters: str, message: str) -> None:
    config = config_of(tmp_path, searcher="optuna")
    Storage(config.out).create("search/trials/0001.json", f'{{"parameters": {parameters}}}'.encode())
    with pytest.raises(ValueError, match=f"search/trials/0001.json.* {message}.*out folder$"):
        search(Storage(config.out), config)
