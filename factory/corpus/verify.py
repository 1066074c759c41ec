"""Checks a corpus folder against its ledger: every byte, every row, every key."""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NotRequired, TypedDict

import numpy as np
import pyarrow as pa

from difffas.errors import UserError
from factory.core.documents import JsonObject
from factory.corpus import INDEX, index_lines, read_index
from factory.corpus.places import places_in
from factory.corpus.row import INDEX_SCHEMA
from factory.corpus.shards import FORMATS, score_statistics
from factory.run import SUMMARY, Claim, Planned, read_claim, read_planned, read_sealed
from factory.run.ledger import Ledger
from factory.run.record import ShardFile, ShardRecord, read_format
from factory.run.seal import SEAL, broken_seals
from factory.storage import Storage

THREADS = 8
OLDER = "an older version closed this run, so changes to its card and run.json cannot be seen"
CHUNK = 256  # shards checked at a time, which bounds the memory


class Verification(TypedDict):
    """What is wrong with a folder, one line each, and what was checked; a run without shards has only `files`."""

    problems: list[str]
    notes: list[str]
    files: NotRequired[int]
    shards: NotRequired[int]
    unfinished_shards: NotRequired[int]
    images: NotRequired[int]
    bytes: NotRequired[int]
    keys: NotRequired[int]
    swept: NotRequired[list[str]]  # leftovers of killed writers that were removed


def verify(url: str) -> Verification:
    """Read the files of a run again and report what is wrong with them.

    In every finished run, each file other than a shard, `summary.json` included, must have its digest in
    `summary.json`. A folder of an older version has no digests, which is noted. For shards the check covers: size and
    sha256 of every file in the ledger; each file opens and holds the recorded rows, equal in every format of the run;
    counts, styles and scores of a record match its rows, and its places their images; every key is unique; no shard is
    missing; the index has exactly these rows at these places; the ledger names every file in `data/` (in an unfinished
    run another file is only noted: its record may still come).

    Returns:
        counts, `problems` (lines of text; empty if all is well) and `notes`.

    Raises:
        UserError: if the folder holds no run, or a run without shards that is unfinished or of an older version.
    """
    storage = Storage(url)
    claim = read_claim(storage)
    summary, sealed = read_sealed(storage)
    if summary is not None and sealed is not None and "planned" not in claim:
        return {
            "files": len(sealed) if isinstance(sealed, dict) else 0,
            "problems": broken_seals(storage, sealed, summary),
            "notes": [],
        }
    _, planned = read_planned(storage)
    notes = [] if summary is None or sealed is not None else [f"{SUMMARY} has no {SEAL}: {OLDER}"]
    finished = summary is not None
    index, problems = _read_index(storage) if finished else (None, [])
    keys: list[np.ndarray] = []
    named: set[str] = set()
    ledger = Ledger(storage)
    shards = sorted(ledger.done())
    counts = Counter(shards=len(shards))
    misplaced = False
    for shard, record, facts, wrong in _checked(storage, ledger, shards, _formats(claim)):
        problems += wrong
        if record is None:
            continue
        named |= {file["path"].rpartition("/")[2] for file in record["files"].values()}
        found = facts["key"].to_pylist() if facts is not None else []
        keys.append(_hashes([*found, *(reject["key"] for reject in record["rejects"])]))
        if index is not None and facts is not None:
            lines = index.slice(counts["indexed"], len(facts)).cast(INDEX_SCHEMA)
            misplaced |= not lines.equals(index_lines(facts, shard))
        counts.update(indexed=record["rows"], written=record["rows"], planned=record["planned"])
        counts.update(bytes=sum(file["bytes"] for file in record["files"].values()))
    every = np.concatenate(keys) if keys else np.empty(0, np.uint64)
    problems += _repeats(every)
    orphans = [f"data/{name} is in no ledger record" for name in sorted(set(storage.names("data")) - named)]
    if summary is not None:
        problems += _gaps(shards, planned["shards"]) + _count_problems(counts, planned, summary) + orphans
        problems += [] if sealed is None else broken_seals(storage, sealed, summary)
    if index is not None and (misplaced or len(index) != counts["indexed"]):
        problems.append(f"{INDEX} does not hold the shards' rows")
    return {
        "shards": len(shards),
        "unfinished_shards": planned["shards"] - len(shards),
        "images": counts["planned"],
        "bytes": counts["bytes"],
        "keys": len(every),
        "problems": problems,
        "notes": notes if finished else [f"unfinished: there is no {SUMMARY} yet", *orphans],
    }


Checked = tuple[str, ShardRecord | None, pa.Table | None, list[str]]  # shard, record, its rows' facts, problems


def _checked(storage: Storage, ledger: Ledger, shards: list[str], formats: list[str] | None) -> Iterator[Checked]:
    with ThreadPoolExecutor(THREADS) as pool:
        for first in range(0, len(shards), CHUNK):
            yield from pool.map(lambda shard: _check(storage, ledger, shard, formats), shards[first : first + CHUNK])


def _check(storage: Storage, ledger: Ledger, shard: str, formats: list[str] | None) -> Checked:
    """Check one shard: returns its record, the facts in its files, and the problems."""
    try:
        record = ledger.read(shard)
        wrong = _record_problems(shard, record, formats)
    except UserError as error:
        return shard, None, None, [str(error)]
    except (AttributeError, KeyError, TypeError):
        problem = f"{storage.path(f'ledger/{shard}.json')} is not a valid shard record"
        return shard, None, None, [f"{problem}: delete it and run the command again"]
    facts: pa.Table | None = None
    for name, file in record["files"].items():
        found, problems = _read_facts(storage, name, file, record)
        wrong += problems
        if found is None:
            continue
        if len(found) != record["rows"]:
            wrong.append(f"{file['path']} holds {len(found)} rows, its record says {record['rows']}")
        if facts is not None and not found.equals(facts):
            wrong.append(f"{file['path']} holds other rows than the other formats")
        facts = found
    if facts is not None and (
        Counter(facts["style"].to_pylist()) != record["styles"]
        or score_statistics(facts["brisque"].to_pylist()) != record.get("brisque")
    ):
        wrong.append(f"ledger of {shard}: its styles or scores are not those of its rows")
    return shard, record, facts, wrong


def _record_problems(shard: str, record: ShardRecord, formats: list[str] | None) -> list[str]:
    """Return the problems that a record shows by itself; any raised error means that the record is invalid."""
    wrong = []
    if record["planned"] != record["rows"] + len(record["rejects"]):
        wrong.append(f"planned {record['planned']} is not rows and rejects")
    if record["rejects_by_reason"] != Counter(reject["reason"] for reject in record["rejects"]):
        wrong.append("the counts by reason are not those of its rejects")
    if formats is not None and sorted(record["files"]) != sorted(formats):
        wrong.append(f"its files are in {', '.join(sorted(record['files'])) or 'no format'}, not {', '.join(formats)}")
    for name, file in record["files"].items():
        if not {"bytes", "sha256"} <= file.keys():
            raise KeyError(name)
        if not re.fullmatch(rf"data/[a-z]+-{re.escape(shard)}\.{FORMATS[name].EXTENSION}", file["path"]):
            wrong.append(f"{file['path']} does not belong to this shard")
    return [f"ledger of {shard}: {problem}" for problem in wrong]


def _read_facts(
    storage: Storage, name: str, file: ShardFile, record: ShardRecord
) -> tuple[pa.Table | None, list[str]]:
    """Return every column but the pixels of one file, None if it cannot be read, and the problems with the file."""
    try:
        data = storage.read(file["path"])
    except FileNotFoundError:
        return None, [f"{file['path']} is missing"]
    except UserError as error:  # a link leads out of the folder
        return None, [str(error)]
    digest = hashlib.sha256(data).hexdigest()
    differs = f"{file['path']} is not the file of the ledger"
    if len(data) != file["bytes"]:
        return None, [f"{differs}: {len(data)} bytes of {file['bytes']}"]
    if digest != file["sha256"]:
        return None, [f"{differs}: sha256 {digest[:12]}…, not {file['sha256'][:12]}…"]
    try:
        facts = FORMATS[name].read_facts(io.BytesIO(data))
        problem = _place_problem(data, name, record) if name == read_format(record["files"]) else None
    except Exception as error:  # its hash is as recorded, so it was unreadable when written
        return None, [f"{file['path']} cannot be read: {type(error).__name__}: {' '.join(str(error).split())}"]
    return facts, [problem] if problem else []


def _place_problem(data: bytes, name: str, record: ShardRecord) -> str | None:
    """Return the problem if an image of a shard's file lies elsewhere than its record says."""
    try:
        places = places_in(record)
    except UserError as error:
        return str(error)
    if places is None:
        return None
    rows = FORMATS[name].ROWS_PER_GROUP
    for first in range(0, len(places), rows):
        images = [image for _, image in FORMATS[name].read_images(io.BytesIO(data), first // rows)]
        if images != [data[offset : offset + length] for offset, length in places[first : first + rows].tolist()]:
            return f"ledger of {record['shard']}: an image lies elsewhere than its places say"
    return None


def _formats(claim: Claim) -> list[str] | None:
    """Return the formats that the folder's run writes; None if the run takes the formats that it finds."""
    output = claim["config"].get("output")
    formats = output.get("formats") if isinstance(output, dict) else None
    return list(map(str, formats)) if isinstance(formats, list) else None


def _read_index(storage: Storage) -> tuple[pa.Table | None, list[str]]:
    """Return the index of a finished folder, or the problems with it."""
    if not storage.exists(INDEX):
        return None, [f"{INDEX} is missing"]
    try:
        index = read_index(storage)
    except (OSError, ValueError) as error:
        return None, [f"{INDEX} cannot be read: {str(error).splitlines()[0]}"]
    if index.column_names != INDEX_SCHEMA.names:
        return None, [f"{INDEX} has other columns than an index"]
    return index, []


def _hashes(keys: Sequence[str]) -> np.ndarray:
    """Return 64-bit hashes: a million keys take eight megabytes."""
    digests = b"".join(hashlib.blake2b(key.encode(), digest_size=8).digest() for key in keys)
    return np.frombuffer(digests, np.uint64)


def _repeats(hashes: np.ndarray) -> list[str]:
    more = len(hashes) - len(np.unique(hashes))
    return [f"{more} keys occur more than once"] if more else []


def _gaps(shards: list[str], planned: int) -> list[str]:
    """Return missing shards of a finished run, and gaps in splits' numbers: brace patterns would name absent files."""
    numbers: dict[str, list[int]] = {}
    for shard in shards:
        split, _, number = shard.rpartition("-")
        if number.isdecimal():  # other names are invalid, as their records have shown
            numbers.setdefault(split, []).append(int(number))
    problems = [
        f"shards of split {split} are not numbered without a gap: {len(found)} of them, the last is {found[-1]}"
        for split, found in numbers.items()
        if found != list(range(len(found)))
    ]
    if len(shards) < planned:
        problems.append(f"{planned - len(shards)} shards of {planned} are missing")
    if len(shards) > planned:
        problems.append(f"{len(shards)} shards are in the ledger, {planned} in the plan")
    return problems


def _count_problems(counts: Counter[str], planned: Planned, summary: JsonObject) -> list[str]:
    """Return where the counts of a finished run's plan or summary differ from its ledger."""
    if counts["planned"] != planned["images"]:
        return [f"{counts['planned']} images in the ledger, {planned['images']} in the plan"]
    return [
        f"{SUMMARY} says {name} {summary[name]}, the ledger {counts[name]}"
        for name in ("shards", "planned", "written")
        if name in summary and summary[name] != counts[name]
    ]
