"""Tries the quarantined shards of a run again, or closes the corpus without them."""

from __future__ import annotations

import importlib
from typing import Any

from difffas.errors import UserError
from factory.core.config import build, set_override
from factory.line import LineSummary
from factory.run import read_claim
from factory.storage import Storage

# The stations that make shards: module and configuration model. Each module has a function `run(config, failed)`.
SHARD_STATIONS = {
    "generate": ("factory.generate", "GenerateConfig"),
    "prepare": ("factory.prepare", "PrepareConfig"),
    "world": ("factory.world", "WorldConfig"),
}


def claimed_config(url: str, overrides: list[str]) -> tuple[str, Any]:
    """Return station and configuration of a folder's run; `key=value` overrides change settings outside its identity.

    Raises:
        UserError: if the folder holds no run with shards, or an override is not understood.
    """
    storage = Storage(url)
    claim = read_claim(storage)
    if claim["job"] not in SHARD_STATIONS:
        raise UserError(f"{storage.url} holds a run of {claim['job']}, which makes no shards")
    module, model = SHARD_STATIONS[claim["job"]]
    values = {**claim["config"], "out": url}
    split = claim["identity"].get("split")
    if isinstance(
        split, list
    ):  # people are cut by its order, which `config` has lost where an older version sorted its keys
        values["split"] = dict(split)
    for override in overrides:
        set_override(values, override)
    return claim["job"], build(getattr(importlib.import_module(module), model), values)


def retry_failed(url: str, overrides: list[str], reject: bool) -> LineSummary:
    """Continue the run in a folder, including its quarantined shards; returns the run's summary.

    With `reject` these shards are not tried: all their images are recorded as rejects, and the corpus is closed.
    """
    station, config = claimed_config(url, overrides)
    module = importlib.import_module(SHARD_STATIONS[station][0])
    summary: LineSummary = module.run(config, failed="reject" if reject else "retry")
    return summary
