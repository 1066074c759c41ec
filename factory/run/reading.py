"""Reads the JSON files of a run, from folders that strangers may have written."""

from __future__ import annotations

from difffas.errors import UserError
from factory.core.documents import JsonObject, parse_json
from factory.storage import Storage


def read_json(storage: Storage, name: str, mend: str) -> JsonObject:
    """Return the JSON object in a file.

    Raises:
        FileNotFoundError: if the file is missing.
        UserError: if the file holds anything but a whole JSON object; the message names the file and `mend`.
    """
    data = storage.read(name)
    try:
        found = parse_json(data, name)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UserError(f"{storage.path(name)} is corrupt: {mend}")
    return found
