"""Copy trained weights of a timm network from the hub into a folder, for machines without a network."""

from __future__ import annotations

from typing import TypedDict

from difffas.errors import UserError
from factory.core.config import Config, PathHere
from factory.models import backbone, hub
from factory.storage import Storage


class FetchConfig(Config):
    """One set of weights, and the folder to write."""

    name: str
    out: PathHere


class Fetched(TypedDict):
    """What the folder holds: the setting for `backbone`, the weights' name with their commit, licence and digest."""

    backbone: str
    name: str
    license: str | None
    sha256: str


def run(config: FetchConfig) -> Fetched:
    """Write `OUT` as a timm folder: config.json and model.safetensors.

    Raises:
        UserError: for a name without weights, weights that are not on the hub as safetensors or do not fit the
            network, or an OUT that holds a model.
    """
    from difffas.backbones import provenance

    if not hub.is_named(config.name):
        names = hub.names_of(config.name)
        there = f"give {', '.join(names)}" if names else f"give NAME.TAG or {hub.HUB}OWNER/NAME"
        raise UserError(f"{config.name!r} is not a name of weights: {there}")
    storage = Storage(config.out)
    if held := [name for name in (hub.CONFIG, hub.WEIGHTS) if storage.exists(name)]:
        raise UserError(f"{storage.url} holds a model already ({held[0]}): give another out folder")
    found = hub.find(config.name)
    backbone.check_whole(found.folder)
    for name in (hub.WEIGHTS, hub.CONFIG):  # a folder with a configuration is whole
        storage.create(name, (found.folder / name).read_bytes())
    known = provenance(found.folder)
    return {
        "backbone": f"{hub.LOCAL}{storage.url}",
        "name": found.pinned,
        "license": known.get("license"),
        "sha256": known["sha256"],
    }
