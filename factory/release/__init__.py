"""Prepare the release of a corpus: check that it is complete, described and licensed; list shards; show commands.

Nothing is uploaded. docs/publishing.md is the manual.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, NotRequired, TypedDict

from pydantic import Field

from difffas.errors import UserError
from factory.cards import CARD, CROISSANT
from factory.cards.facts import corpus_facts
from factory.core.config import Config, PathOrUrl
from factory.core.documents import JsonObject, parse_yaml
from factory.corpus import INDEX
from factory.corpus.hub import too_many_files
from factory.corpus.verify import verify
from factory.run import SUMMARY, read_planned, read_summary
from factory.run.ledger import Ledger
from factory.run.reading import read_json
from factory.storage import Storage

FOLDER = "publish"  # as in every corpus that was checked when the verb had this name
# The files to upload. run.json, events/ and quarantine/ are excluded: they name folders of the writing machine.
SENT = (CARD, CROISSANT, INDEX, SUMMARY, "audit.parquet", "scenes.parquet", "data/*", "ledger/*", f"{FOLDER}/*")


class ReleaseConfig(Config):
    """The corpus that a job near its bucket checks."""

    folder: PathOrUrl = Field(description="finished corpus, local or s3://")
    to: PathOrUrl | None = Field(None, description="a URL such as s3://… or the Hub's OWNER/NAME; None: placeholders")


class SplitShards(NamedTuple):
    """The shard files of one split in one format: their paths in order, and their rows and bytes together."""

    pattern: str  # a brace pattern that covers the paths
    paths: list[str]
    rows: int
    bytes: int


class ListedShards(TypedDict):
    """A split in `shards.json`: a brace pattern of its files, and their number, rows and bytes."""

    pattern: str
    shards: int
    rows: int
    bytes: int


class Released(TypedDict):
    """What is wrong with a corpus, one line each; if nothing is, its shards, the files written and the commands."""

    problems: list[str]
    shards: NotRequired[dict[str, dict[str, ListedShards]]]  # by format and split
    files: NotRequired[list[str]]
    commands: NotRequired[list[str]]


def release(url: str, to: str | None = None) -> Released:
    """Check a corpus folder and, if nothing is wrong, write its shard lists below `publish/`.

    The lists are `<split>.<format>.txt` with one path per line, `shards.json` with a brace pattern for each, and
    `sha256sums.txt` for `sha256sum -c`.

    Args:
        url: a finished corpus, local or `s3://`.
        to: the target, a URL such as `s3://…` or the Hub's OWNER/NAME, for the commands that are shown; None: a
            placeholder.

    Returns:
        `problems`, one line each; if there are none, also `shards`, `files` written and `commands` for the upload.

    Raises:
        UserError: if the folder holds no run with shards, or `to` is not a valid target.
    """
    storage = Storage(url)
    _check_target(storage, to)
    problems = _problems(storage, to)
    if problems:
        return {"problems": problems}
    facts = corpus_facts(storage)
    shards = _shards(storage)
    written = {
        **{f"{split}.{name}.txt": _lines(found.paths) for name, by in shards.items() for split, found in by.items()},
        "shards.json": (json.dumps(_without_paths(shards), indent=1) + "\n").encode(),
        "sha256sums.txt": _lines(f"{file['sha256']}  {file['path']}" for file in [*facts.files, facts.index]),
    }
    for name, data in written.items():
        path = f"{FOLDER}/{name}"
        if not storage.create(path, data) and storage.read(path) != data:
            return {"problems": [f"{path} is there and says something else: move it away"]}
    return {
        "problems": [],
        "shards": _without_paths(shards),
        "files": [f"{FOLDER}/{name}" for name in written],
        "commands": _commands(storage, to),
    }


def _problems(storage: Storage, to: str | None) -> list[str]:
    """Why the folder is not ready for publication; only problems of the first kind found."""
    planned = read_planned(storage)[1]
    ledger = Ledger(storage).done()
    if read_summary(storage) is None:
        return [f"unfinished: {len(ledger)} of {planned['shards']} shards are done; run its command again"]
    problems: list[str] = verify(storage.url)["problems"]
    if any(not problem.startswith((CARD, CROISSANT)) for problem in problems):
        return problems
    # The owner may edit the card: its statements are checked, but edits are not a problem.
    said = [line for line in problems if not line.startswith(f"{CARD} is not")] + _undescribed(storage)
    many = _too_many(storage) if to is None or "://" not in to else None  # only the Hub has this limit
    return said + ([many] if many else [])


def _too_many(storage: Storage) -> str | None:
    """Why the Hub would refuse so many files in `data/`."""
    images: Counter[str] = Counter()
    shards = formats = 0
    for record in Ledger(storage).records():
        images[record["shard"].rpartition("-")[0]] += record["planned"]
        shards, formats = shards + 1, max(formats, len(record["files"]))
    return too_many_files(images, shards, formats)


def _undescribed(storage: Storage) -> list[str]:
    """The facts that the card, the Croissant file and the rows lack."""
    missing = [name for name in (CARD, CROISSANT) if not storage.exists(name)]
    if missing:
        return [f"{name} is missing: run the command that wrote the folder again, it adds it" for name in missing]
    facts = corpus_facts(storage)
    problems = [
        f"the licence of {count} images is unknown: prepare them again with license=…"
        for name, count in facts.licenses.items()
        if "unknown" in name.lower()
    ]
    front = _front_matter(storage.read(CARD).decode("utf-8", "replace"))
    said = front.get("license_name") if front.get("license") == "other" else front.get("license")
    if not said:
        problems.append(f"{CARD} names no license in its front matter: {facts.license} is the images'")
    elif str(said).lower() != facts.license.lower():
        problems.append(f"{CARD} says license {said}, the images are under {facts.license}")
    if facts.generated and any(mark == "none" for label, mark, _ in facts.marks if label == "spoof"):
        problems.append("generated images hold no Digital Source Type: they were written by an older version")
    parts = read_json(storage, CROISSANT, "run the command that wrote the folder again, it adds it").get(
        "distribution"
    )
    parts = parts if isinstance(parts, list) else []
    hashes = {part.get("@id"): part.get("sha256") for part in parts if isinstance(part, dict)}
    wrong = [file["path"] for file in [*facts.files, facts.index] if hashes.get(file["path"]) != file["sha256"]]
    return problems + [f"{CROISSANT} has another hash for {path}, or none" for path in wrong]


def _front_matter(card: str) -> JsonObject:
    match = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    try:
        found = parse_yaml(match[1], CARD) if match else None
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _shards(storage: Storage) -> dict[str, dict[str, SplitShards]]:
    """By format and split: the paths in order, a brace pattern that covers them, rows and bytes."""
    found: dict[str, dict[str, SplitShards]] = {}
    for record in Ledger(storage).records():
        split, _, number = record["shard"].rpartition("-")
        for name, file in record["files"].items():
            by_split = found.setdefault(name, {})
            before = by_split.get(split, SplitShards("", [], 0, 0))
            before.paths.append(file["path"])
            braces = f"{'0' * len(number)}..{number}"
            pattern = file["path"].replace(record["shard"], f"{split}-{{{braces}}}")
            rows, size = before.rows + record["rows"], before.bytes + file["bytes"]
            by_split[split] = SplitShards(pattern, before.paths, rows, size)
    return found


def _without_paths(shards: dict[str, dict[str, SplitShards]]) -> dict[str, dict[str, ListedShards]]:
    return {
        name: {
            split: {"pattern": it.pattern, "shards": len(it.paths), "rows": it.rows, "bytes": it.bytes}
            for split, it in by.items()
        }
        for name, by in shards.items()
    }


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _check_target(storage: Storage, to: str | None) -> None:
    """Refuse, before anything is written, a target to which no command could send the folder."""
    if to is None or "://" in to:
        return
    if not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", to):
        raise UserError(f"to {to!r} is neither a URL, such as s3://bucket/name, nor the Hub's OWNER/NAME")
    if storage.folder is None:
        raise UserError(f"the Hub's tool reads only disks: copy {storage.url} to a disk and release the copy")


def _commands(storage: Storage, to: str | None) -> list[str]:
    """The commands that would send the folder; the Hub's tool reads only local disks."""
    source = shlex.quote(storage.url)
    chosen = " ".join(f"--include {shlex.quote(pattern)}" for pattern in SENT)
    commands = []
    if to is None or to.startswith("s3://"):
        target = shlex.quote(to or "s3://BUCKET/NAME")
        commands.append(f"aws s3 cp --recursive {source} {target} --exclude '*' {chosen}")
    if to is None or "://" in to:
        commands.append(_by_fsspec(storage.url, to or "s3://BUCKET/NAME"))
    if storage.folder and (to is None or "://" not in to):
        target = shlex.quote(to or "OWNER/NAME")
        commands.append(f"hf upload {target} {source} . --repo-type dataset {chosen}")
    return commands


def _by_fsspec(source: str, target: str) -> str:
    """A command that copies with fsspec to any store that fsspec knows, without the store's own program."""
    source = source if "://" in source else f"file://{source}"
    there, here, names = (json.dumps(text) for text in (target.rstrip("/"), source, " ".join(SENT)))
    script = (
        f'import fsspec; files = fsspec.filesystem("generic"); source, target = {here}, {there}; '
        f"[files.cp_file(path, target + path[len(source):]) for name in {names}.split() "
        'for path in files.glob(source + "/" + name)]'
    )
    return f"python -c {shlex.quote(script)}"
