"""What a verb prints when it is done: lines for people on a terminal, JSON for everything that reads stdout."""

from __future__ import annotations

import functools
import inspect
import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Annotated, ParamSpec, TypeVar

import typer

from factory.core.credentials import hide

UNSHOWN = ("curve", "cells")  # long series, which the report draws
FOR_MACHINES = ("digests",)  # people see them in summary.json
TIME, FAR = "time", 1e11  # of an event, in seconds since 1970
_KEY = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
Given = ParamSpec("Given")
Result = TypeVar("Result")
AsJson = Annotated[
    bool | None,
    typer.Option(
        "--json/--no-json",
        help="Print JSON, or lines for people. Default: lines on a terminal, JSON elsewhere.",
        show_default=False,
    ),
]
_as_json: ContextVar[bool | None] = ContextVar("as_json", default=None)


def printing(command: Callable[Given, Result]) -> Callable[..., Result]:
    """Give a verb the option --json."""

    @functools.wraps(command)
    def with_option(*positional: Given.args, **named: Given.kwargs) -> Result:
        said = named.pop("as_json", None)
        _as_json.set(said if isinstance(said, bool) else None)
        return command(*positional, **named)

    signature = inspect.signature(command, eval_str=True)
    option = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=AsJson)
    with_option.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    return with_option


def print_summary(summary: Mapping[str, object]) -> None:
    """Print the figures of a run on stdout, without curves and grids."""
    brief = {name: value for name, value in summary.items() if name not in UNSHOWN}
    said = _as_json.get()
    if sys.stdout.isatty() if said is None else not said:
        typer.echo(hide(as_lines({name: value for name, value in brief.items() if name not in FOR_MACHINES})))
        return
    text = hide(json.dumps(brief, indent=2, ensure_ascii=False))
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:  # JSON has its own escapes
        text = hide(json.dumps(brief, indent=2))
    typer.echo(text)


def as_lines(values: Mapping[str, object], indent: str = "") -> str:
    """Figures as lines for people: plain values first, one a line; then each group below its name; nothing empty."""
    present = {name: value for name, value in values.items() if value is not None and value != {} and value != []}
    plain = {name: value for name, value in present.items() if not _is_group(value)}
    width = max((len(_title(name)) for name in plain), default=0)
    lines = [f"{indent}{_title(name).ljust(width)}  {_shown(_moment(name, value))}" for name, value in plain.items()]
    for name, value in present.items():
        if name not in plain:
            lines += [f"{indent}{_title(name)}", *_group(value, indent + "  ")]
    return "\n".join(lines)


def _is_group(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list | tuple) and any(map(_is_group, value)))


def _group(value: object, indent: str) -> list[str]:
    if isinstance(value, Mapping):
        return [as_lines(value, indent)]
    assert isinstance(value, list | tuple)
    return [
        line for item in value for line in (_group(item, indent) if _is_group(item) else [f"{indent}{_shown(item)}"])
    ]


def _title(name: object) -> str:
    """A key in words; a name that no key has, such as a style's, as it is, so that it can be copied."""
    text = str(name)
    return text.replace("_", " ") if _KEY.fullmatch(text) else text


def _moment(name: object, value: object) -> object:
    """The moment of an event as people read it; any other value as it is."""
    if name != TIME or not isinstance(value, float) or not 0 <= value < FAR:
        return value
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(value))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return str(value)
