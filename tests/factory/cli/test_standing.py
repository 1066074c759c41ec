"""What `status` shows of folders of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.corpora import NoConfig, small_rows, write_corpus
from difffas.errors import UserError
from factory import demo, pipeline
from factory.cli.standing import PARTS, standing
from factory.core.config import build
from factory.run import Run
from factory.storage import Storage
from factory.tune.record import REFUSED, STOPPED
from factory.tune.settings import TRIALS


def claimed(folder: Path, job: str, config: dict[str, object]) -> Storage:
    storage = Storage(str(folder))
    run = {"job": job, "fingerprint": "0" * 64, "identity": {}, "config": config}
    storage.create("run.json", json.dumps(run).encode())
    return storage


def test_a_training_shows_the_steps_that_a_checkpoint_kept(tmp_path: Path) -> None:
    storage = claimed(tmp_path / "fit", "fit-style", {"train": {"steps": 4000}})
    assert standing(storage.url)["progress"] == "0 of at most 4,000 steps kept"
    for step in (300, 1200):
        storage.create(f"tensorboard/events.out.tfevents.{step:010d}", b"")
    assert standing(storage.url) == {
        "job": "fit-style",
        "state": "unfinished",
        "progress": "1,200 of at most 4,000 steps kept",
    }


def test_a_search_counts_the_trials_that_are_over(tmp_path: Path) -> None:
    storage = claimed(tmp_path / "search", "tune", {"trials": 5})
    storage.create(f"{TRIALS}/0001/summary.json", b"{}")
    storage.create(f"{STOPPED}/0002.json", b"{}")
    storage.create(f"{REFUSED}/0005.txt", b"no")
    storage.create(f"{TRIALS}/0003/run.json", b"{}")
    assert standing(storage.url)["progress"] == "3 of 5 trials over"


def test_a_folder_of_runs_shows_each(tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows())
    claimed(tmp_path / "style", "fit-style", {"train": {"steps": 10}})
    found = standing(str(tmp_path))
    assert found["progress"] == "1 of 2 begun stations finished"
    stations = found["stations"]
    assert isinstance(stations, dict) and list(stations) == ["real", "style"]
    assert stations["style"] == "fit-style: unfinished, 0 of at most 10 steps kept"
    assert stations["real"].startswith("prepare: finished, ")


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no run.json: it is not a folder that difffas wrote"):
        standing(str(tmp_path))


def test_no_shard_yet_is_not_nothing_planned(tmp_path: Path) -> None:
    Run(str(tmp_path / "out"), "generate", {}, NoConfig(), {"shards": 4, "images": 1900})
    assert standing(str(tmp_path / "out"))["planned"] == 1900


def test_every_folder_of_a_pipeline_and_of_the_demo_is_looked_at(tmp_path: Path) -> None:
    config = build(
        pipeline.PipelineConfig,
        {"out": str(tmp_path), "prepare": {"source": "x", "license": "CC0-1.0", "crop": "none"}},
    )
    runs = [*demo.stations(tmp_path), *pipeline.station_runs(config)]
    made = {Path(str(run.settings["out"])).relative_to(tmp_path).as_posix() for run in runs}
    assert made <= set(PARTS)
