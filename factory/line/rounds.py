"""Sends shards through Ray Data in rounds: failed shards are tried again, general faults and stalls end the run.

The station decides how a window of shards becomes a dataset; its last stage gives a `Result` for each shard. A shard
whose process died gives no row, and is recognised by that.
"""

from __future__ import annotations

import queue
import threading
import typing
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from difffas.errors import UserError
from factory.cluster.settling import settle
from factory.core import interrupts
from factory.core.errors import Stalled
from factory.core.progress import say
from factory.line.block import Result
from factory.line.faults import DIED

if TYPE_CHECKING:
    from ray.data import Dataset

WINDOW = 2000  # shards handed to Ray at a time, which bounds the driver's memory
ATTEMPTS = 3  # rounds in which a shard is tried before it is given up
ALL_FAIL = 20  # this many faults in a row in the first round: the shards are not at fault
STALL_SECONDS = 3600.0
LEAVE_SECONDS = 20.0  # allowed for the last rows under way when a run is stopped

# Maps a window of shards, and the number of the round from 1, to a dataset of the shards' results.
WindowDataset = Callable[[list[str], int], "Dataset"]


class Witness(typing.Protocol):
    """Receives the shards' results from the driver."""

    def window(self, shards: int, later: int, attempt: int) -> None:
        """`shards` shards begin, and `later` more are waiting."""

    def made(self, row: Result) -> None:
        """A shard is done."""

    def failed(self, shard: str, fault: str) -> None:
        """A shard failed in this round."""


def in_rounds(
    name: str, todo: list[str], dataset_of: WindowDataset, witness: Witness, stall_seconds: float = STALL_SECONDS
) -> dict[str, str]:
    """Try every shard, and failed shards again; returns the faults of those that failed at every attempt.

    Raises:
        Stalled: if nothing moves any more.
        UserError: if many shards in a row fail, or one meets a fault that all would meet, such as a full disk.
    """
    faults: dict[str, str] = {}
    for attempt in range(1, ATTEMPTS + 1):
        faults = {}
        for first in range(0, len(todo), WINDOW):
            window = todo[first : first + WINDOW]
            witness.window(len(window), max(len(todo) - first - WINDOW, 0), attempt)
            faults |= _pass(window, dataset_of(window, attempt), attempt, witness, stall_seconds)
        if not faults:
            break
        shard, fault = next(iter(faults.items()))
        say(f"{name}: {len(faults)} shards failed at attempt {attempt} of {ATTEMPTS}, such as {shard}: {fault}")
        todo = list(faults)
    return faults


def _pass(window: list[str], dataset: Dataset, attempt: int, witness: Witness, stall_seconds: float) -> dict[str, str]:
    """Try some shards once; returns the faults of the shards that failed."""
    import ray

    dataset.context.max_errored_blocks = -1  # a shard whose process died is missing, which shows its fault
    settle(dataset)
    faults, made, lost, in_a_row = {}, set(), DIED, 0
    rows = _watched(dataset, stall_seconds)
    try:
        for row in rows:
            if not row["fault"]:
                made.add(row["shard"])
                in_a_row = 0
                witness.made(row)
            elif row["stops"]:
                raise UserError(f"shard {row['shard']}: {row['fault']}; mend that and run the command again")
            else:
                faults[row["shard"]] = row["fault"]
                witness.failed(row["shard"], row["fault"])
                in_a_row += 1
                if attempt == 1 and in_a_row >= ALL_FAIL:
                    raise UserError(f"{ALL_FAIL} shards in a row failed, the last in {row['fault']}")
    except ray.exceptions.RayError as error:
        if isinstance(error, ValueError):
            raise
        lost = " ".join(str(error).split())[-500:]
    finally:
        rows.close()
    for shard in set(window) - made - faults.keys():
        witness.failed(shard, lost)
    return {shard: faults.get(shard, lost) for shard in window if shard not in made}


def _watched(dataset: Dataset, stall_seconds: float) -> Generator[Result]:
    """Yield rows of a dataset as they come; a thread waits for them, since nothing wakes a caller inside Ray."""
    arrived: queue.Queue[Any] = queue.Queue()
    left = threading.Event()

    def drain() -> None:
        try:
            for row in dataset.iter_rows():
                if left.is_set():
                    return
                arrived.put(row)
            arrived.put(None)
        except BaseException as error:
            arrived.put(error)

    thread = threading.Thread(target=drain, daemon=True, name="line")
    thread.start()
    try:
        while True:
            try:
                row = arrived.get(timeout=stall_seconds)
            except queue.Empty:
                raise Stalled(
                    f"no shard was finished in {stall_seconds:g} s: run the command again to resume; if shards take "
                    f"that long here, lower output.rows_per_shard or raise resources.stall_seconds"
                ) from None
            if isinstance(row, BaseException):
                raise row
            if row is None:
                return
            yield row
    except BaseException as error:
        left.set()
        if not isinstance(error, Stalled) and not interrupts.received():  # these end the process at once
            thread.join(LEAVE_SECONDS)  # a thread still reading when Ray shuts down complains
        raise
