"""The logger: event files read back with TensorBoard's own record format, trackers as fakes."""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tensorboardX.proto.event_pb2 import Event, SessionLog

from benchmarks.corpora import face
from factory.storage import Storage
from factory.train.watch import Watch, check_trackers


def events(data: bytes) -> Iterator[Event]:
    """The records of an event file: length, its checksum, the event, its checksum."""
    file = io.BytesIO(data)
    while head := file.read(12):
        yield Event.FromString(file.read(struct.unpack("<Q", head[:8])[0]))
        file.seek(4, io.SEEK_CUR)


def scalars(storage: Storage, name: str) -> list[tuple[int, float]]:
    """What TensorBoard shows of a curve: files in order of name, a restart voiding what lies beyond it."""
    shown: list[tuple[int, float]] = []
    for file in storage.names("tensorboard"):
        for event in events(storage.read(f"tensorboard/{file}")):
            if event.session_log.status == SessionLog.START:
                shown = [point for point in shown if point[0] < event.step]
            shown += [(event.step, value.simple_value) for value in event.summary.value if value.tag == name]
    return shown


def test_curves_come_back_from_the_storage(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    watch = Watch(storage)
    for step in range(1, 7):
        watch.scalars(step, {"loss": 1.0 / step, "held out/all": step})
        if step % 3 == 0:
            watch.commit()
    watch.scalars(7, {"loss": 0.125})
    assert len(storage.names("tensorboard")) == 2
    watch.close()
    assert storage.names("tensorboard") == [f"events.out.tfevents.{step:010d}" for step in (3, 6, 7)]
    assert scalars(storage, "loss") == [(step, pytest.approx(1 / step)) for step in range(1, 7)] + [(7, 0.125)]
    assert scalars(storage, "held_out/all") == [(step, step) for step in range(1, 7)]


def test_committing_nothing_writes_nothing(tmp_path: Path) -> None:
    watch = Watch(Storage(str(tmp_path)))
    watch.commit()
    watch.close()
    assert list(tmp_path.iterdir()) == []


def test_an_attempt_that_died_leaves_no_second_line(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    watch = Watch(storage)
    watch.scalars(2, {"loss": 2.0})
    watch.commit()  # a checkpoint of step 2 follows
    watch.scalars(3, {"loss": 30.0})
    watch.scalars(4, {"loss": 40.0})
    watch.close()  # on a failure at step 4
    watch = Watch(storage, step=2)
    watch.scalars(3, {"loss": 3.0})
    watch.scalars(5, {"loss": 5.0})
    watch.close()
    assert scalars(storage, "loss") == [(2, 2.0), (3, 3.0), (5, 5.0)]


def test_pictures_are_events_and_files(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    watch = Watch(storage)
    pixels = face(1, 40)
    name = watch.image(500, "samples", pixels)
    watch.close()
    assert name == "samples/samples-0000000500.png"
    with Image.open(io.BytesIO(storage.read(name))) as image:
        assert np.array_equal(np.array(image), pixels)
    (file,) = storage.names("tensorboard")
    (shown,) = [value for event in events(storage.read(f"tensorboard/{file}")) for value in event.summary.value]
    with Image.open(io.BytesIO(shown.image.encoded_image_string)) as image:
        assert np.array_equal(np.array(image), pixels)
    assert shown.tag == "samples"


@pytest.mark.slow
def test_event_files_reach_s3(s3_storage: Storage) -> None:
    watch = Watch(s3_storage)
    watch.scalars(1, {"loss": 0.5})
    watch.image(1, "samples", face(1))
    watch.close()
    assert scalars(s3_storage, "loss") == [(1, 0.5)]
    assert s3_storage.names("samples") == ["samples-0000000001.png"]


def test_trackers_that_are_unknown_or_absent_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tracker 'neptune' is unknown: use mlflow or wandb"):
        check_trackers(["neptune"])
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ValueError, match=r"'mlflow' is not installed: pip install 'difffas-factory\[mlflow\]'"):
        Watch(Storage(str(tmp_path)), trackers=["mlflow"])


class Calls:
    """A module whose functions note what they are called with."""

    def __init__(self, **answers: Any) -> None:
        self.made: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            self.made.append((name, given, named))
            return self._answers.get(name)

        return call

    def of(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        return [(given, named) for called, given, named in self.made if called == name]


def show(tmp_path: Path, tracker: str) -> None:
    watch = Watch(
        Storage(str(tmp_path)),
        trackers=[tracker],
        station="fit-generator",
        fingerprint="f" * 64,
        settings={"train": {"steps": 9}},
    )
    watch.scalars(3, {"loss": 0.5})
    watch.image(3, "samples", face(1))
    watch.close()


@pytest.mark.parametrize("before", [[], ["run-7"]], ids=["a first attempt", "a later attempt"])
def test_mlflow_has_one_run_per_fingerprint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: list[str]
) -> None:
    runs = [SimpleNamespace(info=SimpleNamespace(run_id=name)) for name in before]
    mlflow = Calls(search_runs=runs)
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    show(tmp_path, "mlflow")
    ((_, searched),) = mlflow.of("search_runs")
    assert searched["filter_string"] == f"tags.fingerprint = '{'f' * 64}'"
    ((_, started),) = mlflow.of("start_run")
    assert started["run_id"] == (before[0] if before else None)
    assert started["run_name"] == "fit-generator"
    assert started["tags"] == {"fingerprint": "f" * 64}
    assert mlflow.of("log_dict") == [(({"train": {"steps": 9}}, "settings.json"), {})]
    assert mlflow.of("log_metrics") == [(({"loss": 0.5},), {"step": 3})]
    (((image,), named),) = mlflow.of("log_image")
    assert np.array_equal(np.array(image), face(1))
    assert named == {"artifact_file": "samples-0000000003.png"}
    assert [name for name, _, _ in mlflow.made][-1] == "end_run"


def test_wandb_has_one_run_per_fingerprint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = Calls()
    wandb = Calls(init=run, Image="a picture")
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    show(tmp_path, "wandb")
    ((_, named),) = wandb.of("init")
    assert named == {
        "project": "difffas",
        "id": "f" * 32,
        "name": "fit-generator",
        "resume": "allow",
        "config": {"train": {"steps": 9}},
    }
    assert run.of("log") == [(({"loss": 0.5},), {"step": 3}), (({"samples": "a picture"},), {"step": 3})]
    assert [name for name, _, _ in run.made][-1] == "finish"
