"""Paths that a submitted job could not find: a relative one would be sought in the job's own folder on the cluster."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from pydantic import AfterValidator, BaseModel

from difffas.errors import UserError
from factory.core.config import Config, build
from factory.core.places import file_here, place

HUB_NAMES = ("to",)  # of `release`: the Hub's OWNER/NAME
# Keys that take the name of something that ships, or of a network; every other bare word is a folder.
NAMED = {"backbone", "embedder", "families", "generator", "protocol", "protocols", "table"}
LOCAL = "local-dir:"


def refuse_relative_inputs(config: Config) -> None:
    """Raise UserError if a path of a configuration is relative; a bare word is a name where settings take names."""
    for key, given in _all_paths(config):
        path = given.removeprefix(LOCAL)
        bare = "/" not in path and not Path(path).exists()
        is_name = ":" in path.partition("/")[0] or (bare and not NAMED.isdisjoint(key.split(".")))
        if not is_name and not PurePosixPath(path).is_absolute() and key not in HUB_NAMES:
            raise UserError(
                f"{key}={given} is a relative path: on the cluster it would be sought in the job's own folder; give "
                f"s3://… or an absolute path that every node sees"
            )


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
