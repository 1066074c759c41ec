"""How far a run is, from its folder alone: no cluster is asked, so it works while one runs and after it died."""

from __future__ import annotations

import time
from typing import Any

from factory.corpus import totals
from factory.faults import Quarantine
from factory.ledger import Ledger
from factory.progress import progress_line
from factory.run import read_planned, read_summary
from factory.storage import Storage

RECENT = 900.0  # seconds before the last shard over which the rate is taken


def status(url: str) -> dict[str, Any]:
    """Progress of the run in a folder: the progress line, counts by style and reject reason, the quarantine.

    The rate is that of the last quarter of an hour in which shards were finished.

    Raises:
        ValueError: if the folder holds no run with shards.
    """
    storage = Storage(url)
    claim, planned = read_planned(storage)
    summary = read_summary(storage)
    records = list(Ledger(storage).records())
    counts = totals(records)
    rate = summary["images_per_second"] if summary else _rate(records)
    left = (planned["images"] - int(str(counts["planned"]))) / rate if rate and not summary else None
    done = {record["shard"] for record in records}
    line = progress_line(len(records), planned["shards"], int(str(counts["planned"])), rate, left)
    last = max((record["finished"] for record in records if "finished" in record), default=None)
    return {
        "job": claim["job"],
        "state": "finished" if summary else "unfinished",
        "progress": line,
        "last_shard_seconds_ago": None if last is None else round(time.time() - last),
        **counts,
        "quarantined": {shard: fault for shard, fault in Quarantine(storage).shards().items() if shard not in done},
    }


def _rate(records: list[dict[str, Any]]) -> float | None:
    """Images a second, by the times at which shards were finished; None from fewer than two."""
    finished = sorted((record["finished"], record["planned"]) for record in records if "finished" in record)
    recent = [(when, images) for when, images in finished if when >= finished[-1][0] - RECENT]
    if len(recent) < 2 or recent[-1][0] == recent[0][0]:
        return None
    # The first shard only marks the start: its images were made before it.
    images = sum(images for _, images in recent[1:])
    return float(images / (recent[-1][0] - recent[0][0]))
