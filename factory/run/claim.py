"""The claim of an output folder, `run.json`: the request, written first and never changed."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from difffas.errors import UserError
from factory.core.documents import JsonObject
from factory.run.reading import checked, read_json
from factory.storage import Storage

CLAIM = "run.json"


class Planned(TypedDict):
    """What a station that makes shards plans; `styles` are the planned images by style."""

    shards: int
    images: int
    styles: NotRequired[dict[str, int]]


class Claim(TypedDict):
    """The content of `run.json`.

    `identity` and `config` differ from station to station: `config` is the dump of the station's configuration model,
    `identity` all that decides the result. A reader of one of their keys checks the key's form: another version may
    have written it.
    """

    job: str
    fingerprint: str
    identity: JsonObject
    config: JsonObject
    software: NotRequired[dict[str, str]]  # no reader relies on it or on `code`, which version 0.1.0 did not write
    code: NotRequired[dict[str, str]]
    planned: NotRequired[Planned]


def read_claim(storage: Storage) -> Claim:
    """Return the `run.json` of a folder.

    Raises:
        UserError: if the folder was not written by this software.
    """
    mend = "bring it back from a copy, or give another folder"
    try:
        found = read_json(storage, CLAIM, mend)
    except FileNotFoundError:
        raise UserError(f"{storage.url} has no run.json: it is not a folder that difffas wrote") from None
    return checked(found, Claim, storage.path(CLAIM), mend)


def read_planned(storage: Storage) -> tuple[Claim, Planned]:
    """Return the `run.json` of a folder and its planned numbers of `shards` and `images`.

    Raises:
        UserError: if the folder was not written by this software, or its station makes no shards.
    """
    claim = read_claim(storage)
    planned = claim.get("planned")
    if planned is None:
        raise UserError(f"{storage.url} holds a run of {claim['job']}, which makes no shards: see its summary.json")
    return claim, planned
