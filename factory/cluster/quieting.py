"""What Ray says of itself stays in Ray's logs: the terminal shows what this software's own processes write.

The errors of a run are told by this software, in one line; `DIFFFAS_DEBUG=1` shows everything.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any

OF_RAY = ("TrainController", "PlacementGroupCleaner", "AutoscalingCoordinator", "PreemptionWatcher")  # Ray's actors
NOISE = re.compile(r"\bcore_worker\.cc:\d+: Actor with class name|\bGetTimeoutError\b")
OURS = re.compile(r"(fit-[a-z]+|prepare|generate|audit|annotate|tune|world)[a-z :-]*: ")  # lines of progress
HANDLER = "ray_print_logs"  # Ray's own, which this replaces


def quiet_workers() -> None:
    """From now on show of the cluster's processes what `shown` leaves; to be called once a cluster is joined."""
    if os.environ.get("DIFFFAS_DEBUG") == "1":
        return
    from ray._private.ray_logging import global_worker_stdstream_dispatcher as dispatcher
    from ray._private.worker import print_to_stdstream

    def handle(data: dict[str, Any]) -> None:
        lines = []
        for line in shown(data):
            if OURS.match(line):
                print(line, file=sys.stderr, flush=True)
            else:
                lines.append(line)
        if lines:
            print_to_stdstream({**data, "lines": lines}, ignore_prefix=False)

    dispatcher.remove_handler(HANDLER)
    dispatcher.add_handler(HANDLER, handle)


def shown(data: dict[str, Any]) -> list[str]:
    """The lines of a batch that Ray sends to the driver, without those of Ray's own actors and without noise."""
    if (data.get("actor_name") or "").startswith(OF_RAY):
        return []
    return [line for line in data["lines"] if not NOISE.search(line)]
