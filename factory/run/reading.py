"""JSON files of a run, read back from folders that strangers may have written."""

from __future__ import annotations

from typing import Any

from difffas.errors import UserError
from factory.core.documents import parse_json
from factory.storage import Storage


def read_json(storage: Storage, name: str, mend: str) -> dict[str, Any]:
    """The JSON object in a file that was written whole.

    Raises:
        FileNotFoundError: if there is none. ValueError: if it holds anything else; names it and the mend.
    """
    data = storage.read(name)
    try:
        found = parse_json(data, name)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UserError(f"{storage.path(name)} is corrupt: {mend}")
    return found
