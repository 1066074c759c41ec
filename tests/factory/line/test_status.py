"""What `status` and `status --watch` make of a run's folder."""

from __future__ import annotations

import io
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
from factory.line.events import Events, driver_began
from factory.line.faults import Quarantine
from factory.line.status import _rate
from factory.run import Run
from factory.run.ledger import Ledger


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


def test_the_pause_before_a_resumed_run_is_no_part_of_its_rate() -> None:
    event: Any = {"driver": "20261123t215605z-c150fc"}
    began = driver_began(event)
    assert began == 1_795_470_965
    before: list[Any] = [{"finished": began - 700 + 10 * n, "planned": 100} for n in range(3)]
    after: list[Any] = [{"finished": began + 20 + 10 * n, "planned": 100} for n in range(3)]
    assert _rate([*before, *after], began) == pytest.approx(10.0)
    assert _rate(before, began) is None
