"""Errors in the line travel on as rows, so that one bad shard never ends a run.

A faulty input is not an error: the stage turns it into a reject with a reason. Any error that a stage raises is a
fault of the shard, which is tried again in later rounds and then quarantined. Some faults concern all shards: a full
disk or expired credentials stop the run, since every further shard would meet them.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from typing import TypedDict, TypeVar, cast

from difffas.errors import UserError
from factory.core.credentials import hide
from factory.line import metrics
from factory.line.block import ShardRow
from factory.run.reading import read_json
from factory.storage import Storage
from factory.storage.s3_retry import Refused

FOLDER = "quarantine"
DIED = "its process died: killed by a signal, for want of memory, or with its node"
_DENIED = {errno.EACCES, errno.EPERM}
_EVERYWHERE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS} | _DENIED

FACTS = {"shard": str, "time": int, "fault": str}  # keys that readers of a record rely on

Row = TypeVar("Row", bound=ShardRow)


def carry(row: Row, stage: str, work: Callable[[Row], Row]) -> Row:
    """Return `work(row)`, or a row with the fault that it raised; a row with an earlier stage's fault is unchanged."""
    if row.get("fault"):
        return row
    try:
        with metrics.stage(stage):
            return work(row)
    except Exception as error:  # any error belongs to this shard
        text = hide(" ".join(f"{stage}: {type(error).__name__}: {error}".split()))[:500]
        everywhere = (
            _EVERYWHERE - _DENIED if stage == "read" else _EVERYWHERE
        )  # one unreadable input file says nothing about the others
        stops = isinstance(error, Refused) or (isinstance(error, OSError) and error.errno in everywhere)
        return cast("Row", {"shard": row["shard"], "fault": text, "stops": stops})


class FaultRecord(TypedDict):
    """Why a shard was given up, as its file in the quarantine holds it; `time` is Unix time in seconds."""

    shard: str
    fault: str
    time: float


class Quarantine:
    """The shards that were given up, and after how many attempts: one create-only record each time."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def shards(self) -> dict[str, str]:
        """Return the latest fault of every shard that was ever given up, including shards that were made since."""
        mend = "delete it, it only tells of a fault"
        records: list[FaultRecord] = []
        for name in (f"{FOLDER}/{name}" for name in self._storage.names(FOLDER)):
            found = read_json(self._storage, name, mend)
            if not all(isinstance(found.get(fact), kind) for fact, kind in FACTS.items()):
                raise UserError(f"{self._storage.path(name)} is not a valid fault record: {mend}")
            records.append(cast(FaultRecord, found))
        records.sort(key=lambda record: record["time"])
        return {record["shard"]: record["fault"] for record in records}

    def add(self, shard: str, fault: str, attempts: int) -> None:
        """Give a shard up, with its last fault."""
        taken = sum(name.rpartition("-")[0] == shard for name in self._storage.names(FOLDER))
        record = {"shard": shard, "time": taken + 1, "fault": fault, "attempts": attempts}
        self._storage.create(f"{FOLDER}/{shard}-{taken + 1}.json", json.dumps(record).encode())
