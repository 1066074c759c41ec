"""Shards through Ray Data in rounds: failures are tried again, what stops everything ends the run, stalls are noticed.

How a window of shards becomes a dataset is the station's; its last stage gives `{"shard", "fault", "stops", …}` of
each, as `faults.carry` does. A shard whose process died gives nothing, and is known by that.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol

from difffas.errors import UserError
from factory.cluster.settling import settle
from factory.core import interrupts
from factory.core.errors import Stalled
from factory.core.progress import say
from factory.line.faults import DIED

if TYPE_CHECKING:
    from ray.data import Dataset

WINDOW = 2000  # shards handed to Ray at a time: bounds the driver's memory
ATTEMPTS = 3  # rounds in which a shard is tried before it is given up
ALL_FAIL = 20  # so many faults in a row, in the first round: the fault is not the shards'
# Ray Data's default is endless: an input that kills its process would start it again for ever.
BOUNDED = {"max_retries": 2}
STALL_SECONDS = 3600.0
LEAVE_SECONDS = 20.0  # for the last rows under way when a run is stopped

# A window of shards, and the round from 1, to a dataset of what became of them.
Stages = Callable[[list[str], int], "Dataset"]


class Witness(Protocol):
    """Whom the driver tells what comes of the shards."""

    def window(self, shards: int, later: int, attempt: int) -> None:
        """So many shards begin, so many more wait."""

    def made(self, row: dict[str, Any]) -> None:
        """A shard is done."""

    def failed(self, shard: str, fault: str) -> None:
        """A shard failed in this round."""


def in_rounds(
    name: str, todo: list[str], stages: Stages, witness: Witness, stall_seconds: float = STALL_SECONDS
) -> dict[str, str]:
    """Try every shard, and those that failed again; returns the faults of those that failed at every attempt.

    Raises:
        Stalled: if nothing moves any more.
        ValueError: if many shards in a row fail, or one meets what all would meet, such as a full disk.
    """
    faults: dict[str, str] = {}
    for attempt in range(1, ATTEMPTS + 1):
        faults = {}
        for first in range(0, len(todo), WINDOW):
            window = todo[first : first + WINDOW]
            witness.window(len(window), max(len(todo) - first - WINDOW, 0), attempt)
            faults |= _pass(window, stages(window, attempt), attempt, witness, stall_seconds)
        if not faults:
            break
        shard, fault = next(iter(faults.items()))
        say(f"{name}: {len(faults)} shards failed at attempt {attempt} of {ATTEMPTS}, such as {shard}: {fault}")
        todo = list(faults)
    return faults


def _pass(window: list[str], dataset: Dataset, attempt: int, witness: Witness, stall_seconds: float) -> dict[str, str]:
    """One try of some shards; returns the faults of those that did not come out."""
    import ray

    dataset.context.max_errored_blocks = -1  # a shard whose process died is missing here, and known by that
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


def _watched(dataset: Dataset, stall_seconds: float) -> Generator[dict[str, Any]]:
    """Rows of a dataset as they come; a thread waits for them, for nothing wakes a caller inside Ray."""
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
            thread.join(LEAVE_SECONDS)  # one that still reads when Ray is shut down complains
        raise
