"""ASHA with a memory across drivers."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.storage import Storage
from factory.tune.record import Record
from factory.tune.space import draw
from tests.factory.tune.stand_in import Killed, StandIn, config_of, run, status


def test_what_ended_is_not_run_again_and_rungs_know_what_it_reported(
    tmp_path: Path, stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ASHA would not stop 0003 if it had forgotten 0001, which is the only better one."""
    config = config_of(tmp_path)
    stand_in.aucs = {"0001": 0.9, "0002": 0.5, "0003": 0.6, "0004": 0.95}
    stand_in.kill = ("0003", 5)
    with pytest.raises(Killed):
        run(config, monkeypatch)
    storage = Storage(config.out)
    assert [status(storage, name) for name in ("0001", "0002", "0003")] == ["finished", "stopped", "open"]
    stand_in.kill, before = None, list(stand_in.told)
    found = run(config, monkeypatch)
    assert stand_in.told[len(before) :] == [("0003", 10), *(("0004", step) for step in range(5, 41, 5))]
    assert [each.name for each in found] == ["0001", "0002", "0003", "0004"]
    assert [status(storage, each.name) for each in found] == ["finished", "stopped", "stopped", "finished"]
    assert [each.parameters for each in found] == [draw(config.search, 0, trial) for trial in range(4)]
    assert found[1].metrics == {"step": 10, "loss": 1.0, "auc": 0.5, "d_eer": 0.5}
    assert stand_in.told == [*before, *stand_in.told[len(before) :]]
    # All are over: Ray Tune is not asked at all.
    drivers = len(stand_in.places)
    assert run(config, monkeypatch) == found
    assert len(stand_in.places) == drivers


def test_a_trial_that_goes_on_is_not_its_own_rival(
    tmp_path: Path, stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed past a rung, and worse afterwards: nothing else is there that could stop it at that rung."""
    config = config_of(tmp_path, trials=1)
    stand_in.aucs, stand_in.kill = {"0001": 0.9}, ("0001", 10)
    with pytest.raises(Killed):
        run(config, monkeypatch)
    stand_in.aucs, stand_in.kill = {"0001": 0.2}, None
    run(config, monkeypatch)
    assert stand_in.told == [("0001", step) for step in range(5, 41, 5)]
    assert status(Storage(config.out), "0001") == "finished"
    reports = Record(Storage(config.out)).reports()
    assert [(trial, report["step"], report["auc"]) for trial, report in reports] == [
        ("0001", 10, 0.9),
        ("0001", 20, 0.2),
    ]
