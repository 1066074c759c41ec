"""Options that many verbs share, and options as settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from factory.core.documents import JsonValue

ConfigFile = Annotated[str | None, typer.Option("--config", help="YAML file; see jobs/*.yaml.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings that override those of the file.")
]


def settings(given: Mapping[str, JsonValue]) -> list[str]:
    """The given options as overrides."""
    return [f"{key}={_yaml(value)}" for key, value in given.items() if value is not None]


def _yaml(value: JsonValue) -> str:
    """JSON, which adds the necessary quotes; what YAML would not take as it is has YAML's escape."""
    text = json.dumps(value, ensure_ascii=False)  # JSON's escapes of an emoji are two characters to YAML
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in text)


def names(given: str) -> list[JsonValue]:
    """Names that commas separate."""
    return [name for part in given.split(",") if (name := part.strip())]
