"""Checks a ledger record, which is read from folders that strangers may have written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Of shard files, by format: reading a ledger imports none of the modules that read and write them.
EXTENSIONS = {"parquet": "parquet", "webdataset": "tar"}
SHARD = re.compile(r"[A-Za-z0-9_-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Keys that readers rely on; `shards.commit` writes these and more.
FACTS = {
    "shard": str,
    "planned": int,
    "rows": int,
    "rejects": list,
    "rejects_by_reason": dict,
    "styles": dict,
    "files": dict,
}


def fault_of(record: Mapping[str, Any]) -> str | None:
    """Return why the record is invalid for the shard that it names; None if it is valid.

    The files that a valid record names lie directly in `data/`, so its readers open nothing else. `verify`, which
    reads the files, decides whether they belong to this shard.
    """
    for fact, kind in FACTS.items():
        if not isinstance(record.get(fact), kind):
            return f"its {fact} is missing or has another form"
    if not SHARD.fullmatch(record["shard"]):
        return f"{record['shard'][:100]!r} is not the name of a shard"
    counts = {fact: record[fact] for fact in ("planned", "rows")}
    counts |= {f"{fact}.{name}": n for fact in ("rejects_by_reason", "styles") for name, n in record[fact].items()}
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


def _file_fault(name: str, file: Any) -> str | None:
    if name not in EXTENSIONS:
        return f"there is no format {name[:100]!r}"
    if not isinstance(file, dict) or not _are_texts(file.get("path"), file.get("sha256")):
        return f"its {name} file has no path or no sha256"
    if not re.fullmatch(rf"data/[A-Za-z0-9_-]+\.{EXTENSIONS[name]}", file["path"]):
        return f"{file['path'][:200]} does not belong to this shard"
    if not _is_count(file.get("bytes")) or not _SHA256.fullmatch(file["sha256"]):
        return f"its {name} file has no size or no sha256"
    return None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_within(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _are_texts(*values: Any) -> bool:
    return all(isinstance(value, str) for value in values)
