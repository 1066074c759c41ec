"""A search's own record, with a stand-in for Ray Tune: what one driver leaves and the next goes by."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from factory.tune import trials as searching
from factory.tune.trials import rungs
from tests.factory.tune.stand_in import StandIn, config_of, run
from tests.searches import TRAIN


def test_ray_tune_s_files_are_where_nobody_else_writes_and_end_with_it(
    tmp_path: Path, stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.aucs = {"0001": 0.9}
    run(config_of(tmp_path, trials=1), monkeypatch)
    ((place, mode),) = stand_in.places
    assert mode == 0o700
    assert not Path(place).exists()
    assert not Path(place).is_relative_to(tmp_path)


def test_a_search_that_the_user_ends_stays_open(
    tmp_path: Path, stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray Tune returns upon SIGUSR1 as if all were done."""
    name = {"name": "0001", "parameters": {"live_margin": 0.2}}
    unfinished = SimpleNamespace(config={"trial": name}, error=None, metrics={})
    monkeypatch.setattr(StandIn, "fit", lambda self: [unfinished])
    with pytest.raises(KeyboardInterrupt):
        run(config_of(tmp_path), monkeypatch)


@pytest.mark.parametrize("reduction", [2, 3, 5, 7])
@pytest.mark.parametrize("first", [1, 2, 10, 1250])
def test_asha_has_every_rung(first: int, reduction: int, tmp_path: Path) -> None:
    """Ray counts them by logarithms, and log 243 / log 3 is below 5."""
    train = {**TRAIN, "steps": first * reduction**5 + 1, "evaluate_every": 1}
    config = config_of(tmp_path, fit={"train": train}, grace_steps=first, reduction=reduction)
    scheduler = searching._how(config).scheduler
    assert rungs(config) == sorted(rung for rung, _ in scheduler._brackets[0]._rungs)
    assert len(rungs(config)) == 6
