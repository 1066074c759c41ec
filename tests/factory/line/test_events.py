"""The log of a run in its folder, and what `status --watch` makes of it."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import NoConfig, row
from factory import cluster
from factory.cli import main
from factory.corpus import write_index
from factory.corpus.shards import OutputConfig, commit
from factory.line import status
from factory.line.events import Events, read_events
from factory.line.faults import Quarantine
from factory.run import Run
from factory.run.ledger import Ledger
from factory.storage import Storage


def instead_of_sleeping(monkeypatch: pytest.MonkeyPatch, act: Callable[[float], None]) -> None:
    """Let `act` take the place of a watcher's sleep; other threads sleep on."""
    sleep = time.sleep

    def patched(seconds: float) -> None:
        (act if threading.current_thread() is threading.main_thread() else sleep)(seconds)

    monkeypatch.setattr("factory.line.status.time.sleep", patched)


@pytest.fixture(autouse=True)
def nodes(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, float]]:
    """The cluster, as it is told here."""
    found = {"a": {"CPU": 2.0}}
    monkeypatch.setattr(cluster, "nodes", lambda: dict(found))
    return found


def kinds(storage: Storage) -> list[str]:
    return [event["event"] for event in read_events(storage)]


def test_events_are_json_lines_in_order_of_time(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    with Events(storage, todo=3) as events:
        assert kinds(storage) == ["started", "cluster"], "a driver is known from its start"
        events.add("failed", shard="train-000001", fault="a\nfault")
    assert kinds(storage) == ["started", "cluster", "failed", "finished"]
    found = read_events(storage)
    assert len({event["driver"] for event in found}) == 1
    assert (found[0]["todo"], found[1]["cpus"], found[2]["fault"]) == (3, 2.0, "a\nfault")
    for path in (tmp_path / "events").iterdir():
        assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_driver_that_gives_up_says_why(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    with pytest.raises(ValueError, match="mend that"), Events(storage):
        raise ValueError("a full disk;\nmend that")
    assert read_events(storage)[-1] | {"time": 0, "driver": ""} == {
        "event": "ended",
        "why": "ValueError: a full disk; mend that",
        "time": 0,
        "driver": "",
    }


def test_nodes_that_come_and_go_are_events(tmp_path: Path, nodes: dict[str, dict[str, float]]) -> None:
    storage = Storage(str(tmp_path))
    with Events(storage) as events:
        events._look()  # nothing changed
        nodes["b"] = nodes["c"] = {"CPU": 4.0, "GPU": 1.0}
        events._look()
        nodes["d"] = nodes.pop("b")  # one took the place of another between two looks
        events._look()
    keys = ("nodes", "came", "went", "cpus", "gpus")
    seen = [tuple(event[key] for key in keys) for event in read_events(storage) if event["event"] == "cluster"]
    assert seen == [(1, 1, 0, 2, 0), (3, 2, 0, 10, 2), (3, 1, 1, 10, 2)]


def test_events_are_written_without_being_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.line.events.TICK_SECONDS", 0.02)
    monkeypatch.setattr("factory.line.events.FLUSH_SECONDS", 0.1)
    storage = Storage(str(tmp_path))
    with Events(storage) as events:
        events.add("failed", shard="train-000000", fault="x")
        for _ in range(200):
            if "failed" in kinds(storage):
                break
            events._left.wait(0.02)
        assert kinds(storage)[-1] == "failed"


def test_a_store_that_fails_delays_events_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Storage(str(tmp_path))
    with Events(storage) as events:
        create = storage.create
        monkeypatch.setattr(storage, "create", lambda *_: (_ for _ in ()).throw(OSError("away")))
        events.add("failed", shard="train-000000", fault="x")
        events.flush()
        monkeypatch.setattr(storage, "create", create)
    assert kinds(storage) == ["started", "cluster", "failed", "finished"]


def test_progress_is_noted_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Storage(str(tmp_path))
    with Events(storage) as events:
        events.progress("1/3 shards")
        monkeypatch.setattr("factory.line.events.PROGRESS_SECONDS", 0.0)
        events.progress("2/3 shards")
    assert [event["line"] for event in read_events(storage) if event["event"] == "progress"] == ["2/3 shards"]


def test_the_latest_events_come_from_the_latest_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Storage(str(tmp_path))
    for number in range(6):
        storage.create(f"events/2026010{number}t000000z-aa-000001.jsonl", b'{"time": %d, "event": "x"}\n' % number)
    read: list[str] = []
    plain = storage.read
    monkeypatch.setattr(storage, "read", lambda name: (read.append(name), plain(name))[1])
    assert [event["time"] for event in read_events(storage, 2)] == [4, 5]
    assert len(read) == 2


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(str(tmp_path / "out"), "generate", {}, NoConfig(), {"shards": 2, "images": 4})


def shard(run: Run, number: int) -> None:
    rows = [row(10 * number + place) for place in range(2)]
    commit(run.storage, "spoof", f"train-{number:06d}", rows, [], OutputConfig(), {"finished": 1_000_000 + number})


def test_watching_prints_what_changed_and_ends_with_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def next_moment(seconds: float) -> None:
        assert seconds == 7.0
        moments.pop(0)()

    def finish() -> None:
        write_index(run.storage)
        run.finish({"images_per_second": 2.0})

    reads: list[Any] = []
    read = Ledger.read
    monkeypatch.setattr(Ledger, "read", lambda ledger, name: (reads.append(name), read(ledger, name))[1])
    moments = [lambda: None, lambda: shard(run, 0), lambda: None, lambda: shard(run, 1), finish]
    instead_of_sleeping(monkeypatch, next_moment)
    out = io.StringIO()
    found = status.watch(run.storage.url, 7.0, out)
    assert found["state"] == "finished"
    assert not moments
    lines = out.getvalue().splitlines()
    assert lines == [
        "generate: 0/2 shards · 0 images",
        "generate: 1/2 shards · 2 images",
        "generate: 2/2 shards · 4 images · 2.0 img/s · 0 s left",
        "generate: 2/2 shards · 4 images · 2.0 img/s · finished",
    ]
    watched = reads[:2]
    assert watched == ["train-000000", "train-000001"], "no record is read twice"


def test_watching_ends_with_a_driver_that_gave_up(run: Run) -> None:
    shard(run, 0)
    Quarantine(run.storage).add("train-000001", "generate: RuntimeError: no", 3)
    with pytest.raises(RuntimeError), Events(run.storage, todo=1):
        raise RuntimeError("1 in quarantine")
    found = status.watch(run.storage.url, 1.0, io.StringIO())
    assert found["state"] == "unfinished"
    text = status.describe(found)
    assert "1 shards in quarantine" in text
    assert text.rstrip().endswith("UTC  ended  why RuntimeError: 1 in quarantine")


def test_the_command_watches_and_tells_by_its_status(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def end(seconds: float) -> None:
        waited.append(seconds)
        with pytest.raises(KeyError), Events(run.storage):
            raise KeyError

    instead_of_sleeping(monkeypatch, end)
    with pytest.raises(SystemExit) as given_up:
        main(["status", run.storage.url, "--watch", "--every", "3"])
    assert (given_up.value.code, waited) == (1, [3.0])
    run.finish({"images_per_second": None})
    with pytest.raises(SystemExit) as finished:
        main(["status", run.storage.url, "--watch"])
    assert finished.value.code == 0
    assert capsys.readouterr().out.splitlines() == [
        "generate: 0/2 shards · 0 images",
        "generate: 0/2 shards · 0 images · finished",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_text_is_written_anew(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shard(run, 0)

    def finish(seconds: float) -> None:
        with Events(run.storage):
            run.finish({"images_per_second": None})

    instead_of_sleeping(monkeypatch, finish)
    out = Terminal()
    status.watch(run.storage.url, 1.0, out)
    first, _, second = out.getvalue().partition("\x1b[")
    assert second.startswith(f"{first.count(chr(10))}F\x1b[J")
    assert all(len(line) < 40 for line in first.splitlines() + second.partition("J")[2].splitlines())
    assert "finished" in second
