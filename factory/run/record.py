"""The ledger record of a shard, and the check of records in folders that strangers may have written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NotRequired, TypedDict, cast

from factory.core.documents import JsonObject, JsonValue

# Of shard files, by format: reading a ledger imports none of the modules that read and write them.
EXTENSIONS = {"parquet": "parquet", "webdataset": "tar"}
SHARD = re.compile(r"[A-Za-z0-9_-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ShardFile(TypedDict):
    """One file of a shard; its path is relative to the output folder."""

    path: str
    bytes: int
    sha256: str


class Reject(TypedDict):
    """A planned image that was not written, and why."""

    key: str
    reason: str


class ScoreStatistics(TypedDict):
    """Statistics of a shard's BRISQUE scores; without any score only `count` (0) and `failed`."""

    count: int
    failed: int
    mean: NotRequired[float]
    std: NotRequired[float]
    min: NotRequired[float]
    max: NotRequired[float]


class SizeAuc(TypedDict):
    """How well file size separates the classes of a shard, and the number of files of each class."""

    auc: float
    live: int
    spoof: int


class JoinedFrom(TypedDict):
    """Digest of the corpus from which a shard was copied, and the shard's name there."""

    corpus: str
    shard: str


class ShardNotes(TypedDict, total=False):
    """How a shard was made: kept in its record, decides nothing."""

    device: str
    attempt: int
    finished: int  # Unix time in seconds
    software: dict[str, str]
    arithmetic: dict[str, str | int]
    batch_splits: int
    size_auc: SizeAuc | None
    joined_from: JoinedFrom
    renderer: str
    places: list[int]  # offset and length of each row's image in the file that readers open, alternating


class ShardRecord(ShardNotes):
    """The ledger record of one shard, as its JSON file holds it."""

    shard: str
    planned: int
    rows: int
    rejects: list[Reject]
    rejects_by_reason: dict[str, int]
    styles: dict[str, int]
    files: dict[str, ShardFile]  # by format
    brisque: NotRequired[ScoreStatistics]


# Keys that readers rely on.
FACTS = {
    "shard": str,
    "planned": int,
    "rows": int,
    "rejects": list,
    "rejects_by_reason": dict,
    "styles": dict,
    "files": dict,
}


def read_format(files: Mapping[str, ShardFile]) -> str:
    """Return the format of the file from which readers read a shard: Parquet if there is one."""
    return "parquet" if "parquet" in files else next(iter(files))


def fault_of(found: JsonObject) -> str | None:
    """Return why the record is invalid for the shard that it names; None if it is valid.

    The files that a valid record names lie directly in `data/`, so its readers open nothing else. `verify`, which
    reads the files, decides whether they belong to this shard.
    """
    for fact, kind in FACTS.items():
        if not isinstance(found.get(fact), kind):
            return f"its {fact} is missing or has another form"
    record = cast(ShardRecord, found)  # the containers are; their content is checked below
    if not SHARD.fullmatch(record["shard"]):
        return f"{record['shard'][:100]!r} is not the name of a shard"
    counts = {"planned": record["planned"], "rows": record["rows"]}
    counts |= {f"rejects_by_reason.{name}": count for name, count in record["rejects_by_reason"].items()}
    counts |= {f"styles.{name}": count for name, count in record["styles"].items()}
    for fact, count in counts.items():
        if not _is_count(count):
            return f"its {fact[:100]} is not a count"
    if not all(isinstance(one, dict) and _are_texts(one.get("key"), one.get("reason")) for one in record["rejects"]):
        return "its rejects are not keys with reasons"
    if not _is_within(record.get("finished", 0), 1e11):
        return "its finished is not a time"
    if (sizes := record.get("size_auc")) is not None and not (
        isinstance(sizes, dict)
        and _is_within(sizes.get("auc"), 1)
        and _is_count(sizes.get("live"))
        and _is_count(sizes.get("spoof"))
    ):
        return "its size_auc is not one"
    return next(filter(None, (_file_fault(*item) for item in record["files"].items())), None)


def _file_fault(name: str, file: ShardFile) -> str | None:
    if name not in EXTENSIONS:
        return f"there is no format {name[:100]!r}"
    if not isinstance(file, dict) or not _are_texts(file.get("path"), file.get("sha256")):
        return f"its {name} file has no path or no sha256"
    if not re.fullmatch(rf"data/[A-Za-z0-9_-]+\.{EXTENSIONS[name]}", file["path"]):
        return f"{file['path'][:200]} does not belong to this shard"
    if not _is_count(file.get("bytes")) or not _SHA256.fullmatch(file["sha256"]):
        return f"its {name} file has no size or no sha256"
    return None


def _is_count(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_within(value: JsonValue, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _are_texts(*values: JsonValue) -> bool:
    return all(isinstance(value, str) for value in values)
