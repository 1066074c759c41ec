"""Digests of the files that a run leaves, kept in its `summary.json` so that `verify` sees later changes.

Shards have their digests in the ledger. The seal covers the other files, those of a model, and the ledger's records
except when and where they were made: a lost record is made again with another time.
"""

from __future__ import annotations

import hashlib
from operator import itemgetter
from pathlib import PurePosixPath

from factory.core.config import fingerprint
from factory.core.documents import JsonObject, JsonValue
from factory.storage import Storage

SEAL = "digests"  # the key in summary.json
FIGURES = "summary.json"  # its digest covers the figures next to the digests
LEDGER = "ledger"
FOLDERS = ("", "unet", "style_encoder", "style_statistics", "scheduler", "classifier")
# Files that stations write; logs are excluded, since a user's shell may write them there.
KINDS = {".json", ".md", ".parquet", ".csv", ".svg", ".png", ".html", ".yaml", ".safetensors", ".onnx"}
ALWAYS = (FIGURES, "run.json", "README.md", "croissant.json", "index.parquet")  # sealed wherever they are
RECORDED = ("shard", "planned", "rows", "rejects", "rejects_by_reason", "styles", "files", "brisque")


def digests(storage: Storage, figures: JsonObject) -> dict[str, str]:
    """Return the sha256, by name, of the files that exist when a run is closed with these figures."""
    found = {FIGURES: fingerprint(figures)}
    for folder in FOLDERS:
        for name in storage.names(folder):
            path = f"{folder}/{name}" if folder else name
            if path != FIGURES and PurePosixPath(name).suffix in KINDS and not name.startswith("."):
                found[path] = hashlib.sha256(storage.read(path)).hexdigest()
    if storage.names(LEDGER):
        found[LEDGER] = _ledger_digest(storage)
    return found


def broken_seals(storage: Storage, sealed: JsonValue, figures: JsonObject) -> list[str]:
    """Return one line for each file that has changed since the run was closed; files added since are ignored."""
    if not isinstance(sealed, dict) or not all(isinstance(value, str) for value in sealed.values()):
        return [f"{FIGURES} is not as it was written: its {SEAL} are not sha256 digests by file name"]
    wrong = [
        f"{FIGURES} is not as it was written: its {SEAL} have none of {name}"
        for name in ALWAYS
        if name not in sealed and (name == FIGURES or storage.exists(name))
    ]
    for name, digest in sorted(sealed.items()):
        try:
            now = _digest(storage, name, figures)
        except FileNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        except (ValueError, KeyError, TypeError) as error:
            if name != LEDGER:  # a link out of the folder, or not a file; a ledger record's error says it
                wrong.append(f"{name} is not as written: {error}")
            continue
        if now != digest:
            what = "the ledger's records are" if name == LEDGER else f"{name} is"
            wrong.append(f"{what} not as written: sha256 {now[:12]}…, {digest[:12]}… when the run was closed")
    return wrong


def _digest(storage: Storage, name: str, figures: JsonObject) -> str:
    if name == FIGURES:
        return fingerprint(figures)
    return _ledger_digest(storage) if name == LEDGER else hashlib.sha256(storage.read(name)).hexdigest()


def _ledger_digest(storage: Storage) -> str:
    from factory.run.ledger import Ledger  # late: the ledger reads JSON as runs do, and this module closes runs

    recorded = itemgetter(*RECORDED)
    return fingerprint(
        [fingerprint(dict(zip(RECORDED, recorded(record), strict=True))) for record in Ledger(storage).records()]
    )
