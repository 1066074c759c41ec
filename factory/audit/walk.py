"""Shards through an actor pool of Ray Data, each to a table of its own; what is there is left, what fails comes again.

A table is published whole or not at all, so its name alone says that its shard is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from factory import cluster
from factory.faults import DIED, Quarantined
from factory.line import ALL_FAIL, ATTEMPTS, BOUNDED, WINDOW
from factory.progress import Progress, say
from factory.storage import Storage


def place_of(folder: str, shard: str) -> str:
    """Where the table of a shard is."""
    return f"{folder}/{shard}.parquet"


def walk(
    name: str,
    out: Storage,
    folder: str,
    shards: Sequence[str],
    task: Callable[[str], dict[str, Any]],
    actor: type,
    arguments: Callable[[], dict[str, Any]],
    workers: int,
    gpus: float,
) -> None:
    """Have every shard's table made that is not there yet.

    Args:
        name: what the progress line says. out, folder: where the tables are. shards: all of them.
        task: what the actor gets of a shard beside its name and the `place` of its table.
        actor, arguments: the class that makes a table, and its constructor's arguments, asked for if there is work.
        workers: actors at a time. gpus: of each.

    Raises:
        Quarantined: at the end, if shards failed at every attempt; all others are done.
        ValueError: if many fail in a row, or one meets what all would meet, such as a full disk.
    """
    there = {f"{folder}/{table}" for table in out.names(folder)}
    todo = [shard for shard in shards if place_of(folder, shard) not in there]
    if not todo:
        return
    cluster.connect()
    if gpus and not cluster.gpus_in_cluster():
        say(f"{name}: no GPU in this cluster, measuring on CPUs (resources.gpus_per_worker=0 says so too)")
        gpus = 0.0
    given = arguments()
    progress = Progress(name, len(shards), 0, len(shards) - len(todo))
    for attempt in range(1, ATTEMPTS + 1):
        faults: dict[str, str] = {}
        for first in range(0, len(todo), WINDOW):
            window = [
                {"shard": shard, "place": place_of(folder, shard), **task(shard)}
                for shard in todo[first : first + WINDOW]
            ]
            faults |= _pass(window, actor, given, workers, gpus, attempt, progress)
        if not faults:
            return
        shard, fault = next(iter(faults.items()))
        say(f"{name}: {len(faults)} shards failed at attempt {attempt} of {ATTEMPTS}, such as {shard}: {fault}")
        todo = list(faults)
    shard, fault = next(iter(faults.items()))
    raise Quarantined(
        f"{len(faults):,} of {len(shards):,} shards could not be measured, such as {shard}: {fault}; run `difffas "
        f"verify` on their corpus, mend it, and run the command again: what is measured is left"
    )


def _pass(
    window: list[dict[str, Any]],
    actor: type,
    given: dict[str, Any],
    workers: int,
    gpus: float,
    attempt: int,
    progress: Progress,
) -> dict[str, str]:
    """One try of some shards; the faults of those that did not come out."""
    import ray

    dataset = ray.data.from_items(window, override_num_blocks=len(window)).map(
        actor,
        fn_constructor_kwargs=given,
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(window)), max_tasks_in_flight_per_actor=2),
        num_cpus=1,
        num_gpus=gpus,
        max_task_retries=BOUNDED["max_retries"],
        max_restarts=-1,
    )
    dataset.context.max_errored_blocks = -1  # a shard whose process died is missing here, and known by that
    faults: dict[str, str] = {}
    made: set[str] = set()
    lost, in_a_row = DIED, 0
    try:
        for row in dataset.iter_rows():
            if not row["fault"]:
                made.add(row["shard"])
                in_a_row = 0
                progress.add(row["images"])
                continue
            if row["stops"]:
                raise ValueError(f"shard {row['shard']}: {row['fault']}; mend that and run the command again")
            faults[row["shard"]] = row["fault"]
            in_a_row += 1
            if attempt == 1 and in_a_row >= ALL_FAIL:
                raise ValueError(f"{ALL_FAIL} shards in a row failed, the last in {row['fault']}")
    except ray.exceptions.RayError as error:
        if isinstance(error, ValueError):
            raise
        lost = " ".join(str(error).split())[-500:]
    return {task["shard"]: faults.get(task["shard"], lost) for task in window if task["shard"] not in made}
