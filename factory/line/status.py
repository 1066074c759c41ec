"""Reports a run's progress from its folder only: it asks no cluster, so it works during a run and after it died."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Literal, TextIO

from factory.core.progress import duration, progress_line
from factory.corpus import Totals, totals
from factory.line.events import Event, driver_began, read_events
from factory.line.faults import Quarantine
from factory.run import read_planned, read_summary
from factory.run.ledger import Ledger
from factory.run.record import ShardRecord
from factory.storage import Storage

RECENT = 900.0  # seconds before the last shard over which the rate is measured
SHOWN = 5  # latest events that are shown


class RunStatus(Totals):
    """What `status` shows of a run; `planned` is of the whole run, the other counts are of its finished shards."""

    job: str
    state: Literal["finished", "unfinished"]
    progress: str
    last_shard_seconds_ago: int | None
    quarantined: dict[str, str]  # the latest fault of each unfinished shard that was given up
    events: list[Event]


def status(url: str) -> RunStatus:
    """Return the progress of a folder's run: line of progress, counts by style and reject reason, quarantine, events.

    The rate covers the last quarter of an hour in which shards were finished, from the start of the latest driver: the
    pause before a resumed run is excluded.

    Raises:
        UserError: if the folder holds no run with shards.
    """
    return Status(url).read()


class Status:
    """The status of one run; later reads take only new records, since a ledger record never changes."""

    def __init__(self, url: str) -> None:
        self._storage = Storage(url)
        self._claim, self._planned = read_planned(self._storage)
        self._records: dict[str, ShardRecord] = {}

    def read(self) -> RunStatus:
        """Return the same as `status`."""
        storage, planned = self._storage, self._planned
        summary = read_summary(storage)
        self._records |= {record["shard"]: record for record in Ledger(storage).records(self._records.keys())}
        records = [self._records[shard] for shard in sorted(self._records)]
        counts = totals(records)
        events = read_events(storage, SHOWN)
        if summary:
            found = summary.get("images_per_second")
            rate = found if isinstance(found, int | float) else None
        else:
            rate = _rate(records, driver_began(events[-1]) if events else 0.0)
        left = (planned["images"] - counts["planned"]) / rate if rate and not summary else None
        line = progress_line(len(records), planned["shards"], counts["planned"], rate, left)
        last = max((record["finished"] for record in records if "finished" in record), default=None)
        faults = Quarantine(storage).shards()
        return {
            "job": self._claim["job"],
            "state": "finished" if summary else "unfinished",
            "progress": line,
            "last_shard_seconds_ago": None if last is None else round(time.time() - last),
            **counts,
            "planned": planned["images"],
            "quarantined": {shard: fault for shard, fault in faults.items() if shard not in self._records},
            "events": events,
        }


def watch(url: str, every: float, out: TextIO | None = None) -> RunStatus:
    """Show the status of a run until the run ends; returns the last one.

    A terminal gets one text that is rewritten in place; other outputs get a line whenever something changed. A run has
    ended when it is finished, or when its latest driver said that it gives up. A killed driver says nothing: then
    `watch` waits for the next driver, and the age of the last shard shows that the run is dead.
    """
    reader, before, out = Status(url), "", out or sys.stdout
    while True:
        found = reader.read()
        text = describe(found)
        if out.isatty():
            width = shutil.get_terminal_size().columns - 1  # a line wrapped by the terminal could not be erased
            text = "".join(line[:width] + "\n" for line in text.splitlines())
            back = f"\x1b[{before.count(chr(10))}F\x1b[J" if before else ""
            out.write(back + text)
        elif text.partition("\n")[0] != before.partition("\n")[0]:
            out.write(text.partition("\n")[0] + "\n")
        out.flush()
        before = text
        if found["state"] == "finished" or (found["events"] and found["events"][-1]["event"] == "ended"):
            return found
        time.sleep(every)


def describe(found: RunStatus) -> str:
    """Return a status as text, the most important line first."""
    lines = [f"{found['job']}: {found['progress']}" + (" · finished" if found["state"] == "finished" else "")]
    ago = found["last_shard_seconds_ago"]
    parts = [] if ago is None else [f"last shard {duration(ago)} ago"]
    parts += [f"{count:,} rejected: {reason}" for reason, count in found["rejects_by_reason"].items()]
    parts += [f"{len(found['quarantined']):,} shards in quarantine"] if found["quarantined"] else []
    lines += [" · ".join(parts)] if parts else []
    return "\n".join([*lines, *map(_line, found["events"])]) + "\n"


def _line(event: Event) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(event["time"]))
    facts = {name: value for name, value in event.items() if name not in ("time", "driver", "event")}
    return f"  {when} UTC  {event['event']}  " + ", ".join(f"{name} {value}" for name, value in facts.items())


def _rate(records: list[ShardRecord], began: float) -> float | None:
    """Return the latest driver's images per second, from the times of finished shards; None for fewer than two."""
    finished = sorted((record["finished"], record["planned"]) for record in records if "finished" in record)
    recent = [(when, images) for when, images in finished if when >= max(finished[-1][0] - RECENT, began)]
    if len(recent) < 2 or recent[-1][0] == recent[0][0]:
        return None
    # The first shard only marks the start: its images were made before.
    images = sum(images for _, images in recent[1:])
    return float(images / (recent[-1][0] - recent[0][0]))
