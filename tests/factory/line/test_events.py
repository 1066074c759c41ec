"""The log of a run in its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from factory import cluster
from factory.line.events import Events, read_events
from factory.storage import Storage


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
    found: list[Any] = [event for event in read_events(storage) if event["event"] == "cluster"]
    seen = [tuple(event[key] for key in keys) for event in found]
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
