"""Check a corpus folder against its ledger: every byte, every row, every key."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from factory.corpus import INDEX, read_index
from factory.ledger import Ledger
from factory.run import read_planned, read_summary
from factory.shards import FORMATS
from factory.storage import Storage

THREADS = 8
CHUNK = 256  # shards in hand at a time: bounds the memory


def verify(url: str) -> dict[str, Any]:
    """Re-read a folder of shards and say what is wrong with it.

    Checked: size and sha256 of every file in the ledger; that each opens, and holds the recorded rows, with the same
    keys in every format; that no key occurs twice; that no shard is missing; that the index has just these keys; that
    `data/` holds no file that the ledger does not name (in an unfinished run such a file is only noted: a shard whose
    record is to come).

    Returns:
        counts, `problems` (lines of text; none if all is well) and `notes`.

    Raises:
        ValueError: if the folder holds no run with shards.
    """
    storage = Storage(url)
    planned = read_planned(storage)[1]
    summary = read_summary(storage)
    problems: list[str] = []
    notes: list[str] = []
    keys: list[np.ndarray] = []
    named: set[str] = set()
    rejected: list[str] = []
    ledger = Ledger(storage)
    shards = sorted(ledger.done())
    images = size = 0
    for shard, record, found, wrong in _checked(storage, ledger, shards):
        problems += wrong
        if record is None:
            continue
        named |= {file["path"].rpartition("/")[2] for file in record["files"].values()}
        size += sum(file["bytes"] for file in record["files"].values())
        images += record["planned"]
        rejected += [reject["key"] for reject in record["rejects"]]
        keys.append(_hashes(found))
        if record["planned"] != record["rows"] + len(record["rejects"]):
            problems.append(f"ledger of {shard}: planned {record['planned']} is not rows and rejects")
    every = np.concatenate([*keys, _hashes(rejected)]) if keys else np.empty(0, np.uint64)
    problems += _repeats(every)
    missing = planned["shards"] - len(shards)
    finished = summary is not None
    if finished and missing:
        problems.append(f"{missing} shards of {planned['shards']} are missing")
    if finished and images != planned["images"]:
        problems.append(f"{images} images in the ledger, {planned['images']} in the plan")
    orphans = sorted(set(storage.names("data")) - named)
    (problems if finished else notes).extend(f"data/{name} is in no ledger record" for name in orphans)
    if finished:
        problems += _index_problems(storage, np.concatenate(keys) if keys else np.empty(0, np.uint64))
    return {
        "shards": len(shards),
        "unfinished_shards": missing,
        "images": images,
        "bytes": size,
        "keys": len(every),
        "problems": problems,
        "notes": notes,
    }


Checked = tuple[str, dict[str, Any] | None, list[str], list[str]]  # shard, record, keys, problems


def _checked(storage: Storage, ledger: Ledger, shards: list[str]) -> Iterator[Checked]:
    with ThreadPoolExecutor(THREADS) as pool:
        for first in range(0, len(shards), CHUNK):
            yield from pool.map(lambda shard: _check(storage, ledger, shard), shards[first : first + CHUNK])


def _check(storage: Storage, ledger: Ledger, shard: str) -> Checked:
    """One shard: its record, the keys that its files hold, and what is wrong."""
    try:
        record = ledger.read(shard)
    except ValueError as error:
        return shard, None, [], [str(error)]
    keys: list[str] | None = None
    wrong = []
    for name, file in record["files"].items():
        try:
            data = storage.read(file["path"])
        except FileNotFoundError:
            wrong.append(f"{file['path']} is missing")
            continue
        if len(data) != file["bytes"] or hashlib.sha256(data).hexdigest() != file["sha256"]:
            wrong.append(f"{file['path']} is not the file of the ledger: {len(data)} bytes of {file['bytes']}")
            continue
        found = FORMATS[name].read_facts(io.BytesIO(data))["key"].to_pylist()
        if len(found) != record["rows"]:
            wrong.append(f"{file['path']} holds {len(found)} rows, its record says {record['rows']}")
        if keys is not None and found != keys:
            wrong.append(f"{file['path']} holds other keys than the other formats")
        keys = found
    return shard, record, keys or [], wrong


def _hashes(keys: list[str]) -> np.ndarray:
    """64-bit hashes, to hold a million keys in eight megabytes."""
    digests = b"".join(hashlib.blake2b(key.encode(), digest_size=8).digest() for key in keys)
    return np.frombuffer(digests, np.uint64)


def _repeats(hashes: np.ndarray) -> list[str]:
    more = len(hashes) - len(np.unique(hashes))
    return [f"{more} keys occur more than once"] if more else []


def _index_problems(storage: Storage, hashes: np.ndarray) -> list[str]:
    if not storage.exists(INDEX):
        return [f"{INDEX} is missing"]
    try:
        indexed = _hashes(read_index(storage, ["key"])["key"].to_pylist())
    except ValueError as error:
        return [f"{INDEX} cannot be read: {str(error).splitlines()[0]}"]
    return [] if np.array_equal(np.sort(indexed), np.sort(hashes)) else [f"{INDEX} does not hold the shards' keys"]
