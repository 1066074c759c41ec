"""Configuration: frozen models that refuse unknown keys, read from YAML and `key=value` overrides.

A component's model stands beside the component; a job's model composes them. `fingerprint` is the sha256 of the
canonical JSON, the identity of a run.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import types
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError


class Config(BaseModel):
    """Base of every configuration model: immutable; unknown keys, NaN and infinity refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)


CREDENTIALS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*@")  # the part before the host, by RFC 3986

ConfigT = TypeVar("ConfigT", bound=Config)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces, equal for equal values.

    Raises:
        ValueError: on NaN or infinity, which JSON cannot say.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint(value: Any) -> str:
    """sha256 hex digest of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def load(model: type[ConfigT], path: str | None = None, overrides: list[str] | tuple[str, ...] = ()) -> ConfigT:
    """Read a configuration from a YAML file, then apply `section.key=value` overrides (values are YAML).

    Raises:
        ValueError: one line naming the key at fault and, for a misspelt one, the nearest known key.
    """
    values: dict[str, Any] = {}
    if path is not None:
        values = read_yaml(path)
    for override in overrides:
        set_override(values, override)
    return build(model, values)


def set_override(values: dict[str, Any], override: str) -> None:
    """Put `section.key=value` into the values of a configuration; raises ValueError if it is not of that form."""
    dotted, equals, text = override.partition("=")
    if not equals:
        raise ValueError(f"override {override!r} is not of the form key=value")
    _set(values, dotted, _parse_value(dotted, text))


def build(model: type[ConfigT], values: dict[str, Any]) -> ConfigT:
    """Validate `values` against `model`; raises ValueError in one line instead of pydantic's report.

    URLs with a user's name or password in them are refused, unrepeated: a configuration goes into `run.json`, the log
    and the names of jobs.
    """
    _refuse_credentials(values, "")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ValueError("; ".join(_explain(model, dict(item)) for item in error.errors())) from None


def read_yaml(path: str | Path, what: str = "config") -> dict[str, Any]:
    """The keys of a YAML file; an empty one has none.

    Raises:
        ValueError: if it is absent, no YAML, or no mapping; `what` says what kind of file it is.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise ValueError(f"{what} file {path} does not exist") from None
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{what} file {path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{what} file {path} must hold a mapping of keys, not a {type(values).__name__}")
    return values


def _refuse_credentials(value: Any, dotted: str) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_credentials(item, f"{dotted}.{name}" if dotted else str(name))
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_credentials(item, dotted)
    elif isinstance(value, str) and CREDENTIALS.match(value):
        raise ValueError(
            f"config key {dotted!r}: a URL with credentials in it; leave them out and set AWS_ACCESS_KEY_ID and "
            f"AWS_SECRET_ACCESS_KEY, a profile or a role"
        )


def _parse_value(dotted: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ValueError(f"override {dotted}={text} is not a YAML value: quote it, {dotted}='\"...\"'") from None


def _set(values: dict[str, Any], dotted: str, value: Any) -> None:
    *sections, key = dotted.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ValueError(f"override {dotted}: {section} is not a section")
    values[key] = value


def _explain(model: type[BaseModel], error: dict[str, Any]) -> str:
    location = tuple(error["loc"])
    dotted = ".".join(map(str, location))
    if error["type"] == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
        return f"unknown config key {dotted!r}; {hint}"
    if error["type"] == "missing":
        return f"config key {dotted!r} is required: set it in the file or as {dotted}=VALUE"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"config key {dotted!r}: {message} (got {error['input']!r})" if dotted else message


def _known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    for part in location:
        if part not in model.model_fields:
            return []
        annotation = model.model_fields[part].annotation
        if get_origin(annotation) in (Union, types.UnionType):
            annotation = next(kind for kind in get_args(annotation) if kind is not type(None))
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)
