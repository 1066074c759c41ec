"""Results with gaps, below `OUT/gaps/`: the folder stays open, and each result that differs gets the next number."""

from __future__ import annotations

from collections.abc import Mapping

from factory.storage import Storage

GAPS = "gaps"


def keep(storage: Storage, summary: bytes, files: Mapping[str, bytes]) -> str:
    """Write `gaps/0001.json` and the files beside it, unless the last summary is the same; return `gaps/0001`.

    Args:
        summary: tells whether anything has changed; it is written last and marks the rest as complete.
        files: by what follows the number, such as `.md` or `/page.html`.
    """
    taken = [name.removesuffix(".json") for name in storage.names(GAPS) if name.endswith(".json")]
    if taken and storage.read(f"{GAPS}/{taken[-1]}.json") == summary:
        return f"{GAPS}/{taken[-1]}"
    number = max(map(int, taken), default=0) + 1
    while any(storage.exists(f"{GAPS}/{number:04d}{ending}") for ending in files):
        number += 1  # a killed run left these, perhaps of another result
    name = f"{GAPS}/{number:04d}"
    for ending, data in files.items():
        storage.create(f"{name}{ending}", data)
    storage.create(f"{name}.json", summary)
    return name
