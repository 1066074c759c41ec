"""Paths that a submitted job could not find: a relative one would be sought in the job's own folder on the cluster."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from pydantic import AfterValidator, BaseModel

from difffas.errors import UserError
from factory.core.config import Config, build
from factory.core.places import file_here, place

HUB_NAMES = ("to",)  # of `release`: the Hub's OWNER/NAME
LOCAL = "local-dir:"
NETWORKS = {"backbone", "embedder"}  # keys that take the name of any network of timm


def refuse_relative_inputs(config: Config) -> None:
    """Raise UserError if a path of a configuration is relative; a bare word may be a name, where its key takes one."""
    for key, given in _all_paths(config):
        path = given.removeprefix(LOCAL)
        if ":" in path.partition("/")[0] or PurePosixPath(path).is_absolute() or key in HUB_NAMES:
            continue
        names = None if "/" in path or Path(path).exists() else _names(key)
        if names is None or (names and path not in names):
            what = "is no name that is known here, and as a path it is relative" if names else "is a relative path"
            raise UserError(
                f"{key}={given} {what}: on the cluster it would be sought in the job's own folder; give "
                f"s3://… or an absolute path that every node sees"
            )


def _names(key: str) -> Collection[str] | None:
    """What a key takes instead of a path: empty if any word will do, None if it takes paths alone.

    Names of generators that ship have become URLs before.
    """
    from factory.ablate.graph import OWN
    from factory.ablate.tables import titles
    from factory.generate import BUILT_IN
    from factory.protocols import names

    parts = set(key.split("."))
    if parts & NETWORKS:
        return ()
    if "generator" in parts:
        return BUILT_IN
    if "table" in parts:
        return titles()
    return (OWN, *names()) if parts & {"protocol", "protocols", "families"} else None


def _all_paths(config: Config) -> Iterator[tuple[str, str]]:
    from factory.pipeline import PipelineConfig, station_runs

    yield from _paths(config, "")
    if isinstance(config, PipelineConfig):  # whose sections are the settings of other stations
        for run in station_runs(config):
            yield from _paths(build(run.model, run.settings), f"{run.verb.replace('-', '_')}.")


def _paths(config: BaseModel, section: str) -> Iterator[tuple[str, str]]:
    """(key, path) of every path in a configuration."""
    for name, field in type(config).model_fields.items():
        value, key = getattr(config, name), f"{section}{name}"
        if _takes_paths(field.metadata, field.annotation):
            yield from ((key, text) for text in _texts(value))
        else:
            yield from (pair for inner in _models(value) for pair in _paths(inner, f"{key}."))


def _takes_paths(metadata: list[Any], annotation: Any) -> bool:
    validators = [one.func for one in metadata if isinstance(one, AfterValidator)]
    functions = [one.func if isinstance(one, functools.partial) else one for one in validators]
    if place in functions or file_here in functions:
        return True
    return any(_takes_paths(list(getattr(kind, "__metadata__", [])), kind) for kind in get_args(annotation))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for inner in value.values() for text in _texts(inner))
    elif isinstance(value, tuple | list):
        yield from (text for inner in value for text in _texts(inner))


def _models(value: Any) -> Iterator[BaseModel]:
    if isinstance(value, BaseModel):
        yield value
    elif isinstance(value, dict | tuple | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _models(inner)
