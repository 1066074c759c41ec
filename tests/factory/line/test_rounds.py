"""Rounds over a stand-in for a dataset: what is tried again, what ends a run. Real stages are in test_line.py."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from difffas.errors import UserError
from factory.core.errors import Stalled
from factory.line.faults import DIED
from factory.line.rounds import ALL_FAIL, ATTEMPTS, WINDOW, in_rounds


class Dataset:
    """Gives rows as Ray Data does; an exception among them is raised, an event is waited for."""

    def __init__(self, rows: list[Any]) -> None:
        self.context = SimpleNamespace(custom_execution_callback_classes=[], max_errored_blocks=0)
        self._rows = rows

    def iter_rows(self) -> Iterator[dict[str, Any]]:
        for row in self._rows:
            if isinstance(row, threading.Event):
                row.wait(20)
            elif isinstance(row, BaseException):
                raise row
            else:
                yield row


class Heard:
    """What the witness is told."""

    def __init__(self) -> None:
        self.windows: list[tuple[int, int, int]] = []
        self.done: list[str] = []
        self.faults: list[tuple[str, str]] = []

    def window(self, shards: int, later: int, attempt: int) -> None:
        self.windows.append((shards, later, attempt))

    def made(self, row: Any) -> None:
        self.done.append(row["shard"])

    def failed(self, shard: str, fault: str) -> None:
        self.faults.append((shard, fault))


def row(shard: str, fault: str = "", stops: bool = False) -> dict[str, Any]:
    return {"shard": shard, "fault": fault, "stops": stops}


def rounds(
    todo: list[str], *passes: list[Any], stall_seconds: float = 20.0
) -> tuple[dict[str, str], Heard, list[Any]]:
    """Faults, what the witness heard, and the windows that were asked for; `passes` are the rows of each window."""
    heard, asked, left = Heard(), [], list(passes)

    def dataset_of(window: list[str], attempt: int) -> Any:
        asked.append((window, attempt))
        return Dataset(left.pop(0))

    return in_rounds("test", todo, dataset_of, heard, stall_seconds), heard, asked


def test_only_what_failed_is_tried_again() -> None:
    faults, heard, asked = rounds(["a", "b", "c"], [row("a"), row("b", "no"), row("c")], [row("b")])
    assert faults == {} and heard.done == ["a", "c", "b"] and heard.faults == [("b", "no")]
    assert asked == [(["a", "b", "c"], 1), (["b"], 2)]


def test_a_shard_is_given_up_after_so_many_rounds_with_its_last_fault() -> None:
    again = [[row("a", f"fault {number}")] for number in range(ATTEMPTS)]
    faults, _, asked = rounds(["a"], *again)
    assert faults == {"a": f"fault {ATTEMPTS - 1}"} and len(asked) == ATTEMPTS


def test_a_shard_without_a_row_died_with_its_process() -> None:
    faults, heard, _ = rounds(["a", "b"], *([row("a")], [], []))
    assert faults == {"b": DIED} and heard.faults == [("b", DIED)] * ATTEMPTS


def test_shards_are_handed_over_in_windows() -> None:
    todo = [f"s{number}" for number in range(WINDOW + 1)]
    faults, heard, asked = rounds(todo, [row(shard) for shard in todo[:WINDOW]], [row(todo[-1])])
    assert faults == {} and heard.windows == [(WINDOW, 1, 1), (1, 0, 1)]
    assert [window for window, _ in asked] == [todo[:WINDOW], todo[WINDOW:]]


def test_a_fault_that_every_shard_would_meet_ends_the_run_at_once() -> None:
    with pytest.raises(UserError, match="^shard a: disk full; mend that and run the command again$"):
        rounds(["a", "b"], [row("a", "disk full", stops=True), row("b")])


def test_many_faults_in_a_row_are_not_the_shards_own() -> None:
    todo = [f"s{number}" for number in range(ALL_FAIL)]
    failing = [row(shard, "no") for shard in todo]
    with pytest.raises(UserError, match=f"{ALL_FAIL} shards in a row failed, the last in no"):
        rounds(todo, failing)
    between = [*failing[:5], row("good"), *failing[5:]]  # one that is made in between: they may be at fault after all
    assert len(rounds([*todo, "good"], between, failing, failing)[0]) == ALL_FAIL


def test_a_run_that_does_not_move_is_given_up() -> None:
    held = threading.Event()
    try:
        with pytest.raises(Stalled, match=r"no shard was finished in 0\.2 s: run the command again"):
            rounds(["a", "b"], [row("a"), held], stall_seconds=0.2)
    finally:
        held.set()


def test_a_bug_of_a_stage_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError, match="a bug"):
        rounds(["a"], [KeyError("a bug")])
