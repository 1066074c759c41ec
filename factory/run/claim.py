"""The claim of an output folder, `run.json`: the request, written first and never changed."""

from __future__ import annotations

from typing import NotRequired, TypedDict, cast

from difffas.errors import UserError
from factory.core.documents import JsonObject
from factory.run.reading import read_json
from factory.storage import Storage

CLAIM = "run.json"
CLAIMED = {"job": str, "fingerprint": str, "config": dict}  # keys that readers of a claim rely on


class Planned(TypedDict):
    """What a station that makes shards plans; `styles` are the planned images by style."""

    shards: int
    images: int
    styles: NotRequired[dict[str, int]]


class Claim(TypedDict):
    """The content of `run.json`.

    `identity` and `config` differ from station to station: `config` is the dump of the station's configuration model,
    `identity` all that decides the result. Who reads one of their keys checks its form: another version may have
    written it.
    """

    job: str
    fingerprint: str
    identity: JsonObject
    config: JsonObject
    software: dict[str, str]
    code: dict[str, str]
    planned: NotRequired[Planned]


def read_claim(storage: Storage) -> Claim:
    """Return the `run.json` of a folder.

    Raises:
        UserError: if the folder was not written by this software.
    """
    mend = "its run cannot be told any more, bring it back from a copy"
    try:
        found = read_json(storage, CLAIM, mend)
    except FileNotFoundError:
        raise UserError(f"{storage.url} has no run.json: it is not a folder that difffas wrote") from None
    planned = found.get("planned", {})
    if not (
        all(isinstance(found.get(fact), kind) for fact, kind in CLAIMED.items())
        and isinstance(planned, dict)
        and all(type(planned.get(fact, 0)) is int for fact in ("shards", "images"))
    ):
        raise UserError(f"{storage.path(CLAIM)} is corrupt: {mend}")
    return cast(Claim, found)


def read_planned(storage: Storage) -> tuple[Claim, Planned]:
    """Return the `run.json` of a folder and its planned numbers of `shards` and `images`.

    Raises:
        UserError: if the folder was not written by this software, or its station makes no shards.
    """
    claim = read_claim(storage)
    planned = claim.get("planned")
    if planned is None or not {"shards", "images"} <= planned.keys():
        raise UserError(f"{storage.url} holds a run of {claim['job']}, which makes no shards: see its summary.json")
    return claim, planned
