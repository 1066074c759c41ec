"""The line on real Ray with stages that fail in every way a stage can."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.corpora import NoConfig, face, row
from factory.core.errors import Quarantined, Stalled
from factory.corpus import Corpus
from factory.corpus.shards import OutputConfig
from factory.line import LineSummary, Work, run_line
from factory.line.faults import carry
from factory.line.rounds import ATTEMPTS
from factory.run import Run
from factory.run.ledger import Ledger

if TYPE_CHECKING:
    from ray.data import Dataset

pytestmark = pytest.mark.usefixtures("ray_local")
SHARDS, ROWS = 6, 3
NAMES = [f"train-{number:06d}" for number in range(SHARDS)]


def keys(shard: str) -> list[str]:
    return [f"row-{shard[-1]}-{place}" for place in range(ROWS)]


def made(shard: str) -> dict[str, Any]:
    """A good shard: pixels and facts by its name alone."""
    rows = [row(place, key=key) for place, key in enumerate(keys(shard))]
    names = ("key", "label", "attack", "domain", "subject", "split", "source", "license", "style")
    records = [
        {"row": {name: getattr(each, name) for name in names}, "reject": None, "source_type": "digitalCapture"}
        for each in rows
    ]
    pixels = np.stack([face(10 * int(shard[-1]) + place) for place in range(ROWS)])
    return {"shard": shard, "records": json.dumps(records), "pixels": pixels}


class Stage:
    """Makes shards; `trouble` is called before, with the shard and how often it was tried before."""

    def __init__(self, folder: str, trouble: Callable[[str, int], None]) -> None:
        self.folder, self.trouble = Path(folder), trouble

    def __call__(self, given: Any) -> Any:
        def work(given: Any) -> Any:
            shard = given["shard"]
            tried = len(list(self.folder.glob(f"{shard}.*")))
            (self.folder / f"{shard}.{tried}.{os.getpid()}").touch()
            self.trouble(shard, tried)
            return made(shard)

        return carry(given, "make", work)


@pytest.fixture
def line(tmp_path: Path) -> Any:
    """`line(trouble, out, …)` runs six shards through one actor; `line.tried(shard)` says how often it started one."""

    class Line:
        def __call__(self, trouble: Callable[[str, int], None], out: str = "out", **options: Any) -> LineSummary:
            notes = tmp_path / f"{out}-tries"
            notes.mkdir(exist_ok=True)

            def stages(dataset: Dataset, careful: bool) -> Dataset:
                from ray.data import ActorPoolStrategy

                pool = ActorPoolStrategy(size=1, max_tasks_in_flight_per_actor=1 if careful else 2)
                return dataset.map(
                    Stage,
                    fn_constructor_args=(str(notes), trouble),
                    compute=pool,
                    num_cpus=0,
                    max_task_retries=1,
                    max_restarts=-1,
                )

            run = Run(str(tmp_path / out), "test", {}, NoConfig())
            failed = options.pop("failed", "skip")
            work = Work("test", NAMES, SHARDS * ROWS, stages, "face", OutputConfig(), keys, **options)
            return run_line(run, work, failed)

        def tried(self, shard: str, out: str = "out") -> int:
            return len(list((tmp_path / f"{out}-tries").glob(f"{shard}.*")))

        def files(self, out: str = "out") -> dict[str, bytes]:
            return {path.name: path.read_bytes() for path in sorted((tmp_path / out / "data").iterdir())}

    return Line()


def no_trouble(shard: str, tried: int) -> None:
    pass


@pytest.mark.slow
def test_a_passing_fault_costs_a_round_and_changes_no_byte(line: Any) -> None:
    def trouble(shard: str, tried: int) -> None:
        if shard == NAMES[2] and tried == 0:
            raise ConnectionError("the store is away")

    assert line(trouble)["written"] == SHARDS * ROWS
    line(no_trouble, "plain")
    assert line.files() == line.files("plain")
    assert [line.tried(shard) for shard in NAMES] == [1, 1, 2, 1, 1, 1]


@pytest.mark.slow
def test_a_poisoned_shard_is_quarantined_and_the_rest_is_done(line: Any, tmp_path: Path) -> None:
    def poisoned(shard: str, tried: int) -> None:
        if shard == NAMES[4]:
            raise RuntimeError("what a strange\nshard")

    with pytest.raises(
        Quarantined, match=r"5 of 6 shards are done, 1 in quarantine \(train-000004: make: Runtime"
    ) as e:
        line(poisoned)
    assert "what a strange shard" in str(e.value)
    assert line.tried(NAMES[4]) == ATTEMPTS
    assert not (tmp_path / "out" / "index.parquet").exists()
    storage = Run(str(tmp_path / "out"), "test", {}, NoConfig()).storage
    assert Ledger(storage).done() == set(NAMES) - {NAMES[4]}

    with pytest.raises(Quarantined):  # the same command again leaves it alone
        line(poisoned)
    assert line.tried(NAMES[4]) == ATTEMPTS

    with pytest.raises(Quarantined):  # and tries it again when asked to
        line(poisoned, failed="retry")
    assert line.tried(NAMES[4]) == 2 * ATTEMPTS
    assert sorted(storage.names("quarantine")) == ["train-000004-1.json", "train-000004-2.json"]

    assert line(no_trouble, failed="retry")["written"] == SHARDS * ROWS
    line(no_trouble, "plain")
    assert line.files() == line.files("plain")


@pytest.mark.slow
def test_a_quarantined_shard_can_be_closed_over_as_rejects(line: Any, tmp_path: Path) -> None:
    def poisoned(shard: str, tried: int) -> None:
        if shard == NAMES[0]:
            raise RuntimeError("no")

    with pytest.raises(Quarantined):
        line(poisoned)
    summary = line(poisoned, failed="reject")
    assert (summary["planned"], summary["written"], summary["rejected"]) == (SHARDS * ROWS, (SHARDS - 1) * ROWS, ROWS)
    assert summary["rejects_by_reason"] == {"quarantined": ROWS}
    corpus = Corpus(str(tmp_path / "out"))
    assert len(corpus) == (SHARDS - 1) * ROWS
    record = Ledger(corpus.storage).read(NAMES[0])
    assert [reject["key"] for reject in record["rejects"]] == keys(NAMES[0])


@pytest.mark.soak
def test_a_shard_that_kills_its_process_is_tried_a_bounded_number_of_times(line: Any) -> None:
    def deadly(shard: str, tried: int) -> None:
        if shard == NAMES[1]:
            os.kill(os.getpid(), 9)

    with pytest.raises(Quarantined, match="train-000001: its process died") as error:
        line(deadly)
    assert "5 of 6 shards are done" in str(error.value)
    assert ATTEMPTS <= line.tried(NAMES[1]) <= 2 * ATTEMPTS + 1


@pytest.mark.slow
def test_a_process_that_dies_once_costs_nothing(line: Any) -> None:
    def deadly(shard: str, tried: int) -> None:
        if shard == NAMES[3] and tried == 0:
            os.kill(os.getpid(), 9)

    assert line(deadly)["written"] == SHARDS * ROWS
    line(no_trouble, "plain")
    assert line.files() == line.files("plain")


def test_a_full_disk_stops_the_run_at_once(line: Any) -> None:
    def full(shard: str, tried: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ValueError, match=r"No space left on device; mend that and run the command again"):
        line(full)
    assert not [thread for thread in threading.enumerate() if thread.name == "line"], "it would outlive Ray"
    assert line(no_trouble)["written"] == SHARDS * ROWS  # nothing was quarantined


def test_a_bug_of_the_encoder_is_no_reject(line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from factory.line import _finish

    def buggy(*_: object) -> None:
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr("factory.line.encode_and_score", buggy)
    whole: Any = made(NAMES[0])
    found = _finish(whole, "test", "unused", "face", OutputConfig(), 1)
    assert found["planned"] == 0 and found["fault"] == "publish: ValueError: operands could not be broadcast together"


@pytest.mark.slow
def test_a_run_in_which_everything_fails_stops_early(line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.line.rounds.ALL_FAIL", 3)

    def broken(shard: str, tried: int) -> None:
        raise RuntimeError("bad weights")

    with pytest.raises(ValueError, match="3 shards in a row failed, the last in make: RuntimeError: bad weights"):
        line(broken)


@pytest.mark.slow
def test_a_run_that_does_not_move_is_given_up(line: Any) -> None:
    def hangs(shard: str, tried: int) -> None:
        time.sleep(60 if shard == NAMES[5] and tried == 0 else 0)

    with pytest.raises(Stalled, match="no shard was finished in 8 s: run the command again"):
        line(hangs, stall_seconds=8)
