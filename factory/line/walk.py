"""Send shards through an actor pool of Ray Data; each gets its own table. Finished tables stay, failures are retried.

A table is committed whole or not at all, so its name alone shows that its shard is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from factory import cluster
from factory.cluster.retries import BOUNDED
from factory.core.errors import Quarantined
from factory.core.progress import Progress, say
from factory.line.block import Result, ShardRow
from factory.line.rounds import in_rounds
from factory.storage import Storage

if TYPE_CHECKING:
    from ray.data import Dataset


def place_of(folder: str, shard: str) -> str:
    """The path of a shard's table."""
    return f"{folder}/{shard}.parquet"


def walk(
    name: str,
    out: Storage,
    folder: str,
    shards: Sequence[str],
    task: Callable[[str], ShardRow],
    actor: type,
    arguments: Callable[[], tuple[object, ...]],
    workers: int,
    gpus: float,
) -> None:
    """Make the table of every shard that does not have one yet.

    Args:
        name: title of the progress line. out, folder: where the tables are. shards: all shards.
        task: what the actor gets of a shard, but for the `place` of its table.
        actor, arguments: the class that makes a table; returns its constructor's arguments, called if there is work.
        workers: concurrent actors. gpus: GPUs of each actor.

    Raises:
        Quarantined: at the end, if shards failed at every attempt; all others are done.
        Stalled: if progress stops.
        UserError: if many shards fail in a row, or one meets a fault that all would meet, such as a full disk.
    """
    there = {f"{folder}/{table}" for table in out.names(folder)}
    todo = [shard for shard in shards if place_of(folder, shard) not in there]
    if not todo:
        return
    cluster.connect()
    import ray

    if gpus and not cluster.gpus_in_cluster():
        say(f"{name}: no GPU in this cluster, working on CPUs (resources.gpus_per_worker=0 says so too)")
        gpus = 0.0
    given = arguments()

    def passed(window: list[str], attempt: int) -> Dataset:
        tasks = [{**task(shard), "place": place_of(folder, shard)} for shard in window]
        return ray.data.from_items(tasks, override_num_blocks=len(tasks)).map(
            actor,
            fn_constructor_args=given,
            compute=ray.data.ActorPoolStrategy(size=min(workers, len(window)), max_tasks_in_flight_per_actor=2),
            num_cpus=1,
            num_gpus=gpus,
            max_task_retries=BOUNDED["max_retries"],
            max_restarts=-1,
        )

    faults = in_rounds(name, todo, passed, _Told(Progress(name, len(shards), 0, len(shards) - len(todo))))
    if not faults:
        return
    shard, fault = next(iter(faults.items()))
    raise Quarantined(
        f"{len(faults):,} of {len(shards):,} shards could not be measured, such as {shard}: {fault}; mend the cause "
        f"(`difffas verify` on their corpus finds damage) and run the command again: what is measured is left"
    )


class _Told:
    """Reports progress to the terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def window(self, shards: int, later: int, attempt: int) -> None:
        pass

    def made(self, row: Result) -> None:
        self._progress.add(row["planned"])

    def failed(self, shard: str, fault: str) -> None:
        pass
