"""A search outlives its driver, on a local disk and on S3, whoever proposes the trials."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.core.config import build
from factory.run import read_summary
from factory.storage import Storage
from factory.train import TrainSummary
from factory.train.recipes import classifier as fit_classifier
from factory.train.recipes.classifier import FitClassifierConfig
from factory.tune.record import Record
from factory.tune.settings import TuneConfig
from tests.loss_batches import curve
from tests.planted import SEARCH, TRAINING, loaded
from tests.s3 import SECRET_KEY, S3Server
from tests.searches import TRAIN, settings, write_corpora


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tune")
    write_corpora(str(root))
    return root


DRIVER = """
import json, sys
from factory import tune
from factory.core.config import build
from factory.tune import halving

class Telling(halving.Notes):
    def on_trial_result(self, iteration, trials, trial, result, **info):
        super().on_trial_result(iteration, trials, trial, result, **info)
        print("told", halving.name_of(trial), result["step"], file=sys.stderr, flush=True)

halving.Notes = Telling
print("summary", json.dumps(tune.run(build(tune.TuneConfig, json.loads(sys.argv[1])))))
"""


def steps_told(text: str, trial: str) -> list[int]:
    """The steps that Ray Tune was told of, by a driver's log."""
    return [int(step) for step in re.findall(rf"^told {trial} (\d+)$", text, re.MULTILINE)]


@pytest.mark.soak
def test_a_killed_driver_goes_on_with_its_trial_where_it_stood(corpora: Path, tmp_path: Path) -> None:
    """SIGKILL to the driver amid a trial; the second driver's trial starts from the checkpoint, on the same curve."""
    out = tmp_path / "search"
    train = {**TRAIN, "steps": 60, "evaluate_every": 3}
    given = settings(corpora, out, fit={"train": train}, trials=1, concurrent=1, grace_steps=60)
    command = [sys.executable, "-c", DRIVER, json.dumps(given)]
    environment = os.environ | {"RAY_ADDRESS": "local"}
    with (tmp_path / "log").open("wb") as log:
        driver = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 400
        told = lambda: steps_told((tmp_path / "log").read_text(), "0001")  # noqa: E731
        while not told() and driver.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        driver.send_signal(signal.SIGKILL)
        assert driver.wait(60) == -signal.SIGKILL, (tmp_path / "log").read_text()[-3000:]
    before = told()
    assert before and before[-1] < 60
    assert not (out / "trials" / "0001" / "summary.json").exists()
    again = subprocess.run(command, env=environment, timeout=500, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr[-3000:]
    second = steps_told(again.stderr, "0001")
    assert second == [*range(second[0], 61, 3), 60]  # every report once, and the closing one
    assert second[0] > before[0]  # went on, did not start again
    fitted = read_summary(Storage(str(out / "trials" / "0001")), TrainSummary)
    assert fitted is not None
    assert [point[0] for point in fitted["curve"]] == list(range(1, 61))
    assert [found["step"] for found in fitted["evaluations"]] == list(range(3, 61, 3))
    config = yaml.safe_load((out / "best" / "fit_classifier.yaml").read_text(encoding="utf-8"))
    fit = build(FitClassifierConfig, config)
    identity, workers = fit_classifier.prepared(fit)
    assert identity["loss"] == workers.config.loss.model_dump(mode="json")
    undisturbed = curve(workers, 60)
    assert [point[1] for point in fitted["curve"]] == pytest.approx(undisturbed, abs=1e-5)


def killed_when(
    given: dict[str, Any], moment: Callable[[], bool], log: Path, environment: dict[str, str] | None = None
) -> None:
    """A driver that gets SIGKILL at a moment."""
    command = [sys.executable, "-c", DRIVER, json.dumps(given)]
    with log.open("wb") as file:
        driver = subprocess.Popen(
            command, env=os.environ | {"RAY_ADDRESS": "local"} | (environment or {}), stdout=file, stderr=file
        )
        deadline = time.monotonic() + 300
        while not moment() and driver.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        driver.send_signal(signal.SIGKILL)
        assert driver.wait(60) == -signal.SIGKILL, log.read_text()[-3000:]


def again(given: dict[str, Any], environment: dict[str, str] | None = None) -> dict[str, Any]:
    """What the same command then finds."""
    command = [sys.executable, "-c", DRIVER, json.dumps(given)]
    env = os.environ | {"RAY_ADDRESS": "local"} | (environment or {})
    done = subprocess.run(command, env=env, timeout=300, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert SECRET_KEY not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.partition("summary ")[2])
    return found


@pytest.mark.soak
def test_optuna_goes_on_after_a_killed_driver(corpora: Path, tmp_path: Path) -> None:
    """Killed when the first of three trials is done: it stays as it is, and three there are in all."""
    pytest.importorskip("optuna")
    out = tmp_path / "search"
    search = {"live_margin": [0.1, 0.5]}
    given = settings(corpora, out, searcher="optuna", search=search, trials=3, concurrent=1, grace_steps=8)

    def first_done() -> bool:
        return bool([*out.glob("trials/*/summary.json")]) and "told 0002" in (tmp_path / "log").read_text()

    killed_when(given, first_done, tmp_path / "log")
    done = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("trials/*/summary.json")}
    assert len(done) < 3
    noted = Record(Storage(str(out))).proposed(build(TuneConfig, given).search)
    assert {"0001", "0002"} <= noted.keys()
    found = again(given)
    assert [trial["trial"] for trial in found["trials"]] == ["0001", "0002", "0003"]
    assert {trial["trial"]: trial["parameters"] for trial in found["trials"] if trial["trial"] in noted} == noted
    assert {trial["status"] for trial in found["trials"]} == {"finished"}
    assert done.keys() <= {trial["trial"] for trial in found["trials"]}
    for name, written in done.items():
        assert (out / "trials" / name / "summary.json").stat().st_mtime_ns == written
    assert len({trial["parameters"]["live_margin"] for trial in found["trials"]}) == 3


@pytest.mark.soak
def test_on_s3_a_search_goes_on_too(s3_server: S3Server, s3_bucket: str, tmp_path: Path) -> None:
    """Corpora, trials and the record are objects; pickles among them are none of ours."""
    write_corpora(s3_bucket)
    given = settings(s3_bucket, f"{s3_bucket}/search", concurrent=1, grace_steps=2)
    storage, markers = Storage(f"{s3_bucket}/search/trials/0001"), tmp_path / "markers"
    markers.mkdir()
    for place, make in SEARCH:
        Storage(f"{s3_bucket}/search").create(place, make(markers / place.replace("/", "__")))
    for place, make in TRAINING:
        storage.create(place, make(markers / place.replace("/", "__")))
    killed_when(given, lambda: storage.exists("summary.json"), tmp_path / "log", s3_server.environment())
    assert not Storage(f"{s3_bucket}/search").exists("summary.json")
    first = storage.read("summary.json")
    found = again(given, s3_server.environment())
    assert [trial["trial"] for trial in found["trials"]] == ["0001", "0002"]
    assert found["trials"][0]["status"] == "finished"
    assert found["trials"][1]["status"] in ("finished", "stopped")
    assert storage.read("summary.json") == first
    assert Storage(f"{s3_bucket}/search").read("trials.md").decode().count("finished") >= 1
    assert {"0001-2.json", "0001-6.json"} <= set(Storage(f"{s3_bucket}/search").names("search/rungs"))
    assert loaded(markers) == []
    assert yaml.safe_load(Storage(f"{s3_bucket}/search/best").read("fit_classifier.yaml"))["out"].startswith("s3://")
