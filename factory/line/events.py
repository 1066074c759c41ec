"""The log of a run, in its own folder: what happened and when, for people who look later or from elsewhere.

Storage cannot append, so each driver writes its recent events as one small object now and then: `events/` holds JSON
lines in files whose names sort by driver and time. A killed driver loses its last minute, a line or two; no result
depends on them.
"""

from __future__ import annotations

import calendar
import json
import secrets
import threading
import time
from types import TracebackType
from typing import Any, Required, TypedDict, Unpack, cast

from difffas.errors import UserError
from factory import cluster
from factory.core.credentials import hide
from factory.core.documents import parse_json
from factory.storage import Storage

FOLDER = "events"
TICK_SECONDS = 10.0  # between checks of the cluster
FLUSH_SECONDS = 60.0  # time that an event waits for others before it is written
PROGRESS_SECONDS = 600.0  # between notes of the run's progress: a weekend makes 300
LEAVE_SECONDS = 30.0
LATEST = 4_102_444_800  # the year 2100: later times are invalid


class Facts(TypedDict, total=False):
    """The facts of events, each kind has its own."""

    station: str  # started
    todo: int  # started
    shards: int  # started
    nodes: int  # cluster
    came: int  # cluster: nodes since the last look
    went: int  # cluster
    cpus: float  # cluster
    gpus: float  # cluster
    shard: str  # failed, quarantined
    attempt: int  # failed
    fault: str  # failed, quarantined
    line: str  # progress
    why: str  # ended


class Event(Facts, total=False):
    """A line of the log."""

    time: Required[float]  # seconds since the epoch
    driver: str
    event: Required[str]  # its kind


class Events:
    """The events of one driver, from `started` to `finished` or `ended`; close it by leaving its context.

    Args:
        storage: the run's folder.
        facts: facts of the event `started`.
    """

    def __init__(self, storage: Storage, **facts: Unpack[Facts]) -> None:
        self._storage, self._lock, self._left = storage, threading.Lock(), threading.Event()
        self._driver = time.strftime("%Y%m%dt%H%M%Sz", time.gmtime()) + "-" + secrets.token_hex(3)
        self._waiting: list[Event] = []
        self._oldest = self._noted = time.monotonic()
        self._tried = 0
        self._nodes: dict[str, dict[str, float]] = {}
        self.add("started", **facts)

    def __enter__(self) -> Events:
        self._look()
        self.flush()
        self._thread = threading.Thread(target=self._follow, daemon=True, name="events")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._left.set()
        self._thread.join(LEAVE_SECONDS)  # a thread that asks Ray after its shutdown would connect again
        if kind is None:
            self.add("finished")
        else:
            self.add("ended", why=hide(" ".join(f"{kind.__name__}: {error}".split()))[:500])
        self.flush()

    def add(self, event: str, **facts: Unpack[Facts]) -> None:
        """Note an event, which is written within a minute."""
        with self._lock:
            if not self._waiting:
                self._oldest = time.monotonic()
            self._waiting.append({"time": round(time.time(), 1), "driver": self._driver, "event": event, **facts})

    def progress(self, line: str) -> None:
        """Note the run's progress, unless it was noted recently."""
        if time.monotonic() - self._noted >= PROGRESS_SECONDS:
            self._noted = time.monotonic()
            self.add("progress", line=line)

    def flush(self) -> None:
        """Write the waiting events. If the store fails, the run goes on and the events wait for the next time."""
        with self._lock:
            waiting = list(self._waiting)
        if not waiting:
            return
        lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in waiting)
        self._tried += 1  # each name is used once: a failed request may have created it nevertheless
        try:
            self._storage.create(f"{FOLDER}/{self._driver}-{self._tried:06d}.jsonl", lines.encode())
        except (OSError, ValueError):
            return
        with self._lock:
            del self._waiting[: len(waiting)]
            self._oldest = time.monotonic()

    def _follow(self) -> None:
        while not self._left.wait(TICK_SECONDS):
            self._look()
            if time.monotonic() - self._oldest >= FLUSH_SECONDS:
                self.flush()

    def _look(self) -> None:
        """Note nodes that joined or left since the last check, also if one replaced another."""
        found, before = cluster.nodes(), self._nodes
        if found == before:
            return
        self._nodes = found
        cpus, gpus = (sum(node.get(name, 0.0) for node in found.values()) for name in ("CPU", "GPU"))
        came, went = len(found.keys() - before.keys()), len(before.keys() - found.keys())
        self.add("cluster", nodes=len(found), came=came, went=went, cpus=cpus, gpus=gpus)


def driver_began(event: Event) -> float:
    """Return when the driver that noted an event was started, in seconds since the epoch, from the driver's name.

    Raises ValueError if the name does not state the time.
    """
    driver = str(event.get("driver", "19700101t000000z"))
    return float(calendar.timegm(time.strptime(driver.partition("-")[0], "%Y%m%dt%H%M%Sz")))


def _event(found: Any) -> Event:
    """Return a line's content if it is an event; raises ValueError otherwise."""
    given = found if isinstance(found, dict) else {}
    when = given.get("time")
    if not (isinstance(when, int | float) and 0 <= when < LATEST and isinstance(given.get("event"), str)):
        raise UserError("no event")
    event = cast("Event", given)
    driver_began(event)
    return event


def read_events(storage: Storage, last: int | None = None) -> list[Event]:
    """Return events in order of time; with `last`, at least this many of the newest, from as few objects as needed."""
    found: list[Event] = []
    for name in reversed(storage.names(FOLDER)):
        try:
            lines = storage.read(f"{FOLDER}/{name}").decode().splitlines()
            events = [_event(parse_json(line, name)) for line in lines]
            found = [*events, *found]  # simultaneous events keep the order in which they were noted
        except ValueError:
            continue  # damaged: an unreadable log must not hide the readable ones
        if last is not None and len(found) >= last:
            break
    found.sort(key=lambda event: float(event["time"]))
    return found if last is None else found[-last:]
