"""Waits until the machines of a cluster have joined: `python -m factory.cluster.gathering COUNT`, for SLURM."""

from __future__ import annotations

import sys
import time

from difffas.errors import UserError
from factory import cluster
from factory.core.errors import Stalled
from factory.core.exits import one_line_exits
from factory.core.progress import say

SECONDS = 300.0
PAUSE = 1.0


def gather(count: int, seconds: float = SECONDS) -> None:
    """Wait until `count` nodes of the cluster at `RAY_ADDRESS` are alive.

    Raises:
        Stalled: if they are not within `seconds`.
    """
    until = time.monotonic() + seconds
    found, reason = 0, "nothing answered"
    while time.monotonic() < until:
        try:
            cluster.connect()
            found, reason = len(cluster.nodes()), ""
        except UserError as error:  # the head is not up yet
            reason = str(error)
        if found >= count:
            say(f"cluster: {found} of {count} nodes have joined")
            return
        time.sleep(PAUSE)
    raise Stalled(f"cluster: {found} of {count} nodes have joined after {seconds:g} s: {reason or 'see their logs'}")


if __name__ == "__main__":
    with one_line_exits():
        gather(int(sys.argv[1]))
