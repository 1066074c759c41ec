"""Reads the JSON files of a run, from folders that strangers may have written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

from difffas.errors import UserError
from factory.core.documents import JsonObject, parse_json
from factory.core.typed_json import misfit
from factory.storage import Storage

DocumentT = TypeVar("DocumentT", bound=Mapping[str, object])  # a TypedDict


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


def checked(found: JsonObject, kind: type[DocumentT], path: str, mend: str) -> DocumentT:
    """Return the JSON object as the TypedDict `kind`.

    Raises:
        UserError: if a key is missing or its value has another form; the message names `path`, the key and `mend`.
    """
    if (fault := misfit(found, kind)) is not None:
        raise UserError(f"{path} is corrupt ({fault}): {mend}")
    return cast(DocumentT, found)
