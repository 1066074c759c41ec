"""What Ray says of itself stays in Ray's logs: the terminal shows what this software's own processes write.

The errors of a run are told by this software, in one line; `DIFFFAS_DEBUG=1` shows everything.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

OF_RAY = ("TrainController", "PlacementGroupCleaner", "AutoscalingCoordinator", "PreemptionWatcher")  # Ray's actors
# The last is of Ray Tune's trials beside their trainings: small processes, which the machine holds.
NOISE = re.compile(
    r"\bcore_worker\.cc:\d+: Actor with class name|\bGetTimeoutError\b"
    r"|\bgcs_actor_scheduler\.cc:\d+: Failed to kill actor\b"  # one that had ended by itself
    r"|\bWARNING: \d+ PYTHON worker processes have been started on node\b"
)
OURS = re.compile(r"(fit-[a-z]+|prepare|generate|audit|annotate|tune|world)[a-z :-]*: ")  # lines of progress
HANDLER = "ray_print_logs"  # Ray's own, which this replaces
START = "_start_actor"  # Ray Data's method that makes an actor of a pool
_one_at_a_time = threading.Lock()


def quiet_workers() -> None:
    """From now on show of the cluster's processes what `shown` leaves; to be called once a cluster is joined."""
    if os.environ.get("DIFFFAS_DEBUG") == "1":
        return
    from ray._private import worker
    from ray._private.ray_logging import global_worker_stdstream_dispatcher as dispatcher

    if not hasattr(worker.print_to_stdstream, "__wrapped__"):  # what a raylet says comes to it past the dispatcher
        worker.print_to_stdstream = _quiet(worker.print_to_stdstream)
    dispatcher.remove_handler(HANDLER)
    dispatcher.add_handler(HANDLER, worker.print_to_stdstream)


def _quiet(prints: Callable[..., None]) -> Callable[..., None]:
    """Ray's printing of a batch of lines, without noise; lines of progress come without Ray's prefix."""

    @functools.wraps(prints)
    def handle(data: dict[str, Any], ignore_prefix: bool = False) -> None:
        lines = []
        for line in shown(data):
            if OURS.match(line):
                print(line, file=sys.stderr, flush=True)
            else:
                lines.append(line)
        if lines:
            prints({**data, "lines": lines}, ignore_prefix=ignore_prefix)

    return handle


def quiet_pools() -> None:
    """Keep out of the terminal what this process's own part of Ray says of each actor of a pool that may restart.

    Ray writes it with an error's severity, and its C++ code writes errors to file descriptor 2 as well as to the log.
    """
    from ray.data._internal.execution.operators.actor_pool_map_operator import ActorPoolMapOperator

    start = getattr(ActorPoolMapOperator, START, None)
    if os.environ.get("DIFFFAS_DEBUG") == "1" or start is None or hasattr(start, "__wrapped__"):
        return

    @functools.wraps(start)
    def quietly(*arguments: Any, **named: Any) -> Any:
        with without_noise():
            return start(*arguments, **named)

    setattr(ActorPoolMapOperator, START, quietly)


@contextlib.contextmanager
def without_noise() -> Iterator[None]:
    """Hold back file descriptor 2 for a moment, then write out all of it but noise; one thread at a time."""
    with _one_at_a_time, tempfile.TemporaryFile() as kept:
        real = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            os.close(real)
            kept.seek(0)
            for line in kept.read().splitlines(keepends=True):
                if not NOISE.search(line.decode(errors="replace")):
                    os.write(2, line)


def shown(data: dict[str, Any]) -> list[str]:
    """The lines of a batch that Ray sends to the driver, without those of Ray's own actors and without noise."""
    if (data.get("actor_name") or "").startswith(OF_RAY):
        return []
    return [line for line in data["lines"] if not NOISE.search(line)]
