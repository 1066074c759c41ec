"""A stand-in for Ray Tune, which reports what a test has decided."""

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
from factory.tune.record import Ended
from factory.tune.settings import TuneConfig
from factory.tune.space import settings_of
from factory.tune.trials import search
from tests.searches import TRAIN, settings

LONG = {**TRAIN, "steps": 40, "evaluate_every": 5}  # rungs at 10 and 20 with grace_steps=10, reduction=2


def trial_claim(config: dict[str, Any]) -> bytes:
    """The run.json of a trial."""
    return json.dumps(
        {"job": "fit-classifier", "fingerprint": "", "identity": {}, "config": config, "software": {}}
    ).encode()


def trial_summary(evaluation: dict[str, float]) -> bytes:
    """The summary.json of a trial that ended with this evaluation."""
    summary = {"steps": evaluation["step"], "model_step": evaluation["step"], "loss": 1.0, "curve": [], "skipped": 0}
    spent = {"seconds": 1.0, "images_per_second": 1.0, "data_wait": 0.0}
    return json.dumps({**summary, "evaluations": [evaluation], **spent}).encode()


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
        out.create("run.json", trial_claim(fit.model_dump(mode="json")))
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
            out.create("summary.json", trial_summary(look))
        if scheduler is not None:
            scheduler.on_trial_complete(None, trial, result)
        searcher.on_trial_complete(identifier, result)
        return SimpleNamespace(config=trial.config, error=None, metrics=result)


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
