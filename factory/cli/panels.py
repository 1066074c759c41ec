"""The help of the command: verbs in groups, in the order in which they are used, and what an unknown option means."""

from __future__ import annotations

import importlib
import shlex
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from difffas.errors import UserError
from factory.cli.stations import VERBS, configuration_of
from factory.core.exits import STATUSES

PANELS = {
    "Data": ("prepare", "world", "join", "annotate", "protocols"),
    "Models": (
        "fetch-backbone",
        "fit-style",
        "fit-generator",
        "fit-student",
        "fit-dsdg",
        "fit-classifier",
        "fit-judge",
        "tune",
    ),
    "Generate": ("calibrate", "probe", "plan", "generate", "status", "retry-failed", "verify", "audit", "release"),
    "Look": ("show", "regenerate", "play", "strength", "evaluate", "report", "ablate", "benchmark"),
    "Cluster": ("env", "submit", "job"),
    "Extras": ("demo", "pipeline", "config", "import-official", "export-classifier"),
}

# Some versions of Typer carry a copy of click, others import it; this is the class of either.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


class Commands(TyperGroup):
    """The verbs by panel, each with its whole first sentence."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the panels; verbs that no panel names come last."""
        verbs = {name: command for name, command in self.commands.items() if not command.hidden}
        named = {panel: [name for name in names if name in verbs] for panel, names in PANELS.items()}
        rest = [name for name in verbs if not any(name in names for names in named.values())]
        width = max(map(len, verbs))
        for panel, names in [*named.items(), ("Commands", rest)]:
            if names:
                with formatter.section(panel):
                    formatter.write_dl([(name.ljust(width), _sentence(verbs[name])) for name in names])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the exit statuses before the example, at the end of the whole command's help."""
        if ctx.parent is None:
            with formatter.section("Exit statuses"):
                formatter.write_dl([(str(status), meaning) for status, meaning in STATUSES.items()])
        super().format_epilog(ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        """Run a verb; where its options hold a setting's name, say how the setting is written."""
        given = [*getattr(ctx, "_protected_args", []), *ctx.args]
        try:
            return super().invoke(ctx)
        except _UsageError as error:
            verb = str(getattr(getattr(error, "ctx", None), "info_name", None))
            _explain(verb, getattr(error, "option_name", None), given)
            raise


def _sentence(command: Any) -> str:
    """What a verb does, without its example."""
    return str(command.help or "").partition(" Example: ")[0].strip()


def _explain(verb: str, option: str | None, given: Sequence[str]) -> None:
    """Raise UserError if an unknown option is named like a setting of the verb, or of the verb that it submits."""
    station = next((word for word in given if word in VERBS), verb) if verb == "submit" else verb
    if not option or (found := configuration_of(station)) is None:
        return
    wanted = option.lstrip("-").replace("-", "_")
    module, model = found
    keys = [key for key in _keys(getattr(importlib.import_module(module), model)) if key.split(".")[-1] == wanted]
    if keys:
        value = _value(option, given)
        written = " or ".join(f"{key}={value}" for key in keys)
        raise UserError(f"{option} is no option of {verb}: it is a setting, written {written}") from None


def _value(option: str, given: Sequence[str]) -> str:
    """What was given to an option, for a shell; VALUE where nothing follows it."""
    for one, after in zip(given, [*given[1:], "--"], strict=True):
        name, equals, value = one.partition("=")
        if name == option:
            return shlex.quote(value) if equals else "VALUE" if after.startswith("--") else shlex.quote(after)
    return "VALUE"


def _keys(model: Any, section: str = "") -> list[str]:
    """The dotted keys of a configuration."""
    from factory.core.config import section_of

    found: list[str] = []
    for name, field in model.model_fields.items():
        inner = section_of(field.annotation)
        found += [section + name] if inner is None else _keys(inner, f"{section}{name}.")
    return found
