"""A search's own record, with a stand-in for Ray Tune: what one driver leaves and the next goes by."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from factory.core.config import build
from factory.storage import Storage
from factory.tune import trials as searching
from factory.tune.record import Ended, Record, kept
from factory.tune.settings import TuneConfig
from factory.tune.space import draw, settings_of
from factory.tune.trials import rungs, search
from tests.searches import TRAIN, settings

LONG = {**TRAIN, "steps": 40, "evaluate_every": 5}  # rungs at 10 and 20 with grace_steps=10, reduction=2


class Killed(BaseException):
    """SIGKILL to the driver."""


class StandIn:
    """Runs trials one after the other in this process: `aucs` says what each reports at every evaluation."""

    aucs: dict[str, float] = {}
    kill: tuple[str, int] | None = None  # (trial, step) after whose report the driver is gone
    told: list[tuple[str, int]] = []
    places: list[Any] = []

    def __init__(self, trainable: Any, tune_config: Any, run_config: Any) -> None:
        self._how, self._callbacks = tune_config, run_config.callbacks
        self._given = trainable["given"]
        StandIn.places.append((run_config.storage_path, stat.S_IMODE(os.stat(run_config.storage_path).st_mode)))

    def fit(self) -> list[Any]:
        return [self._one(number) for number in range(self._how.num_samples)]

    def _one(self, number: int) -> Any:
        searcher, scheduler = self._how.search_alg, self._how.scheduler
        identifier = f"id{number}-{len(StandIn.places)}"  # another one with every driver
        trial = SimpleNamespace(
            trial_id=identifier, config=searcher.suggest(identifier), run_metadata=SimpleNamespace()
        )
        name = trial.config["trial"]["name"]
        if scheduler is not None:
            scheduler.on_trial_add(None, trial)
        fit = settings_of(build(TuneConfig, self._given).fit, trial.config["trial"]["parameters"], "-")
        out = Storage(f"{build(TuneConfig, self._given).out}/trials/{name}")
        claim = {"job": "fit-classifier", "fingerprint": "", "config": fit.model_dump(mode="json")}
        out.create("run.json", json.dumps(claim).encode())
        first = json.loads(out.read("at.json"))["step"] if out.exists("at.json") else 0
        every, steps = fit.train.evaluate_every, fit.train.steps
        assert every is not None
        result: dict[str, Any] = {}
        for step in range(first + every, steps + 1, every):
            result = {"step": step, "loss": 1.0, "auc": StandIn.aucs[name], "d_eer": 0.5, "pid": 3}
            StandIn.told.append((name, step))
            decision = scheduler.on_trial_result(None, trial, result) if scheduler is not None else "CONTINUE"
            result["done"] = decision == "STOP"
            if not result["done"]:
                searcher.on_trial_result(identifier, {**result, "training_iteration": step})
            for callback in self._callbacks[:1]:
                callback.on_trial_result(0, [], trial, result)
            if StandIn.kill == (name, step):
                (Path(out.url) / "at.json").write_text(json.dumps({"step": step}))
                raise Killed
            if result["done"]:
                break
        else:
            look = {"step": steps, "auc": StandIn.aucs[name], "d_eer": 0.5}
            out.create("summary.json", json.dumps({"evaluations": [look], "model_step": steps}).encode())
        if scheduler is not None:
            scheduler.on_trial_complete(None, trial, result)
        searcher.on_trial_complete(identifier, result)
        return SimpleNamespace(config=trial.config, error=None, metrics=result)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    from ray import tune

    StandIn.aucs, StandIn.kill, StandIn.told, StandIn.places = {}, None, [], []
    monkeypatch.setattr(tune, "Tuner", StandIn)
    monkeypatch.setattr(tune, "with_resources", lambda trainable, resources: trainable)
    return StandIn


def config_of(tmp_path: Path, **given: Any) -> TuneConfig:
    chosen = {"fit": {"train": LONG}, "grace_steps": 10, "reduction": 2, "concurrent": 1, "trials": 4, **given}
    return build(TuneConfig, settings("corpora", tmp_path / "out", **chosen))


def run(config: TuneConfig, monkeypatch: pytest.MonkeyPatch) -> list[Ended]:
    from ray import tune

    given = {**config.model_dump(mode="json"), "fit": config.fit.model_dump(mode="json", exclude={"out"})}
    monkeypatch.setattr(tune, "with_parameters", lambda trainable, **_: {"given": given})
    return search(Storage(config.out), config)


def status(storage: Storage, name: str) -> str:
    for kind, place in (("finished", f"trials/{name}/summary.json"), ("stopped", f"search/stopped/{name}.json")):
        if storage.exists(place):
            return kind
    return "open"


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


def test_ray_tune_s_files_are_where_nobody_else_writes_and_end_with_it(
    tmp_path: Path, stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.aucs = {"0001": 0.9}
    run(config_of(tmp_path, trials=1), monkeypatch)
    ((place, mode),) = stand_in.places
    assert mode == 0o700
    assert not Path(place).exists()
    assert not Path(place).is_relative_to(tmp_path)


def test_a_folder_of_another_run_is_no_trial_that_ended(tmp_path: Path) -> None:
    """Ray Train's claim then refuses it, as ever."""
    config = config_of(tmp_path)
    parameters = draw(config.search, 0, 0)
    fit = settings_of(config.fit, parameters, config.fit.out)
    storage = Storage(config.out)
    look = {"evaluations": [{"step": 40, "auc": 1.0, "d_eer": 0.0}], "model_step": 40}
    storage.create("trials/0001/summary.json", json.dumps(look).encode())
    other = {**fit.model_dump(mode="json"), "loss": {"name": "focal"}}
    storage.create(
        "trials/0001/run.json", json.dumps({"job": "fit-classifier", "fingerprint": "", "config": other}).encode()
    )
    assert Record(storage).ended("0001", parameters, fit) is None
    same = {**fit.model_dump(mode="json"), "corpus": "/mnt/elsewhere"}
    storage.create("trials/0002/summary.json", json.dumps(look).encode())
    storage.create(
        "trials/0002/run.json", json.dumps({"job": "fit-classifier", "fingerprint": "", "config": same}).encode()
    )
    assert Record(storage).ended("0002", parameters, fit) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", "\x80", '{"step": "3"}', '{"step": true}', '{"step": NaN}', "{}"])
@pytest.mark.parametrize("place", ["search/stopped/0001.json", "search/rungs/0001-10.json"])
def test_a_corrupt_record_is_one_line(tmp_path: Path, place: str, text: str) -> None:
    config = config_of(tmp_path, trials=1)
    Storage(config.out).create(place, text.encode("latin-1"))
    record = Record(Storage(config.out))

    def read() -> None:
        record.ended("0001", draw(config.search, 0, 0), settings_of(config.fit, {}, config.fit.out))
        record.reports()

    with pytest.raises(ValueError, match=rf"^[^\n]*{place} is corrupt: delete it and run the command again$"):
        read()


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


def test_optuna_s_search_of_an_earlier_version_is_refused_and_others_go_on(tmp_path: Path) -> None:
    config = config_of(tmp_path, searcher="optuna")
    storage = Storage(config.out)
    state = json.dumps({"trial_data": [[json.dumps({"trial_id": "0a1b2c3d"}), "{}"]]})
    storage.create("search/experiment_state-2026-01-01_00-00-00.json", state.encode())
    storage.create("search/tuner.pkl", b"a pickle")
    Record(storage).check_version()  # nothing was run: somebody put it there
    storage.create("trials/0a1b2c3d/run.json", b"{}")
    with pytest.raises(ValueError, match="search with Optuna of an earlier version.* is not read: begin it again"):
        search(storage, config)
    # The random search's trials follow from the seed.
    assert list(searching._begun(Record(storage), config_of(tmp_path))) == ["0001", "0002", "0003", "0004"]


def test_only_figures_of_a_report_are_kept() -> None:
    report = {"step": 3, "loss": float("nan"), "auc": 0.5, "d_eer": None, "hostname": "h", "config/trial/name": "0001"}
    assert kept(report) == {"step": 3, "loss": None, "auc": 0.5, "d_eer": None}


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
