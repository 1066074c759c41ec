"""Reads protocols from the YAML files of this folder, or from a user's file.

A file is a family: shared settings come first, then each protocol has its own entry. `each` makes one protocol for
every value and replaces every `$name` by that value. A rule with a `list` takes the recordings that an official list
names; the content of the list becomes part of the protocol, so that workers need no file.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from pydantic import Field, model_validator

from difffas.errors import UserError
from factory.core.config import Config, PathOrUrl, build, read_yaml
from factory.core.places import file_here, place
from factory.core.templates import substituted
from factory.datasets.tree import table
from factory.protocols.rules import PARTS, Protocol
from factory.sources.pattern import vocabulary_name

FOLDER = Path(__file__).parent
LISTS = "DIFFFAS_LISTS"  # folder of the official lists, which come with the data sets


class Family(Config):
    """One file: defaults for all its protocols, then the protocols by name."""

    defaults: dict[str, Any] = {}
    protocols: dict[str, dict[str, Any]] = Field(min_length=1)


class Entry(NamedTuple):
    """A protocol as its file has it, before its lists are read and it is checked."""

    name: str
    values: dict[str, Any]


class Recordings(TypedDict):
    """Recordings of an official list, in the form of `Rule.listed`."""

    listed: set[str]
    listed_by: tuple[str, ...]


class ListFile(Config):
    """An official list that names recordings by their fields; the field `capture` is a recording's whole name.

    In a text file the fields are the groups of `line`, from every line that the expression matches whole. In a CSV
    with a header, `columns` maps each field to its column, in the rows that have the values of `where` (by column).
    """

    file: PathOrUrl
    line: str | None = None
    columns: dict[str, str] = {}
    where: dict[str, str] = {}

    @model_validator(mode="after")
    def _check(self) -> ListFile:
        if (self.line is None) == (not self.columns):
            raise UserError(f"list {self.file}: say either line, a regular expression, or columns of a CSV")
        return self


def names() -> list[str]:
    """Return the names of the protocols in the package, by family."""
    return list(titles())


def titles() -> dict[str, str]:
    """Return the title of each protocol in the package, by name."""
    return {name: str(values.get("title")) for path in _files() for name, values in _of_package(path).values()}


def load(name: str) -> Protocol:
    """Return a protocol by name, or from a user's file: `FILE.yaml`, or `FILE.yaml:NAME` if it holds several.

    Raises:
        UserError: in one line, if the protocol does not exist or its file has a mistake.
    """
    file, _, entry = name.rpartition(":") if not name.endswith((".yaml", ".yml")) else (name, "", "")
    if file.endswith((".yaml", ".yml")):
        path = Path(file_here(file))
        if not path.is_file():
            raise UserError(f"protocol file {file} does not exist")
        held = {one.name: one for one in _entries(path)}
        if not entry and len(held) == 1:
            entry = next(iter(held))
        if entry not in held:
            raise UserError(f"protocol file {file} holds {', '.join(held)}: say which one, {file}:{next(iter(held))}")
        return _protocol(held[entry], path)
    for path in _files():
        if (ours := _of_package(path).get(name)) is not None:
            return _protocol(ours, path)
    near = difflib.get_close_matches(name, names(), n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`difffas protocols` lists them"
    raise UserError(f"there is no protocol {name!r}; {hint}")


def _files() -> list[Path]:
    return sorted(FOLDER.glob("*.yaml"))


@functools.cache  # the package's files stay as they are; a benchmark asks for protocols a thousand times
def _of_package(path: Path) -> dict[str, Entry]:
    return {one.name: one for one in _entries(path)}


def _entries(path: Path) -> Iterator[Entry]:
    """Yield every protocol of a file with its values; `each` is expanded, lists are not yet read."""
    values = read_yaml(path, "protocol")
    family = _built(Family, values, path.name)
    for name, given in family.protocols.items():
        each = given.get("each", {})
        if not (isinstance(each, dict) and all(isinstance(values, list) for values in each.values())):
            raise UserError(f"protocol {path.name}: {name}: each must hold a list of values for every name")
        own = {**family.defaults, **{key: value for key, value in given.items() if key != "each"}}
        for chosen in itertools.product(*each.values()):
            put = {key: str(value) for key, value in zip(each, chosen, strict=True)}
            yield Entry(substituted(name, put), substituted(own, put))


def _protocol(entry: Entry, path: Path) -> Protocol:
    name, values = entry

    def resolved(rule: Any) -> Any:
        if not (isinstance(rule, dict) and "list" in rule):
            return rule
        given = _built(ListFile, rule["list"], f"{path.name}: {name}: list")
        return {**{key: value for key, value in rule.items() if key != "list"}, **_listed(given, path)}

    parts = {part: [resolved(rule) for rule in values[part]] for part in PARTS if isinstance(values.get(part), list)}
    protocol: Protocol = _built(Protocol, {**values, **parts, "name": name}, f"{path.name}: {name}")
    return protocol


def _listed(given: ListFile, path: Path) -> Recordings:
    """Return the recordings of an official list."""
    folders = [path.parent, *([Path(place(os.environ[LISTS]))] if os.environ.get(LISTS) else [])]
    found = next((folder / given.file for folder in folders if (folder / given.file).is_file()), None)
    if found is None:
        where = f"not in {folders[-1]}" if len(folders) > 1 else "not there"
        raise UserError(f"official list {given.file} is {where}: set {LISTS} to the folder that holds it")
    text = found.read_text(encoding="utf-8-sig", errors="replace")
    names, rows = _columns(given, text) if given.columns else _groups(given, text)
    listed = {"_".join(map(vocabulary_name, row)) for row in rows}
    if not listed:
        wanted = f"line of the form {given.line!r}" if given.line else f"row with {given.where}"
        raise UserError(f"official list {found} has no {wanted}")
    return {"listed": listed, "listed_by": names}


def _groups(given: ListFile, text: str) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the fields, and their values in every matching line."""
    try:
        line = re.compile(str(given.line))
    except re.error as error:
        raise UserError(
            f"official list {given.file}: line {given.line!r} is not a regular expression: {error}"
        ) from None
    names = tuple(line.groupindex)
    if not names:
        raise UserError(f"official list {given.file}: line {given.line!r} has no group such as (?P<capture>…)")
    matches = (line.fullmatch(one.strip()) for one in text.splitlines())
    return names, [[match[name] for name in names] for match in matches if match is not None]


def _columns(given: ListFile, text: str) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the fields, and their values in every selected row."""
    rows = table(given.file, text, *given.columns.values(), *given.where)
    wanted = [row for row in rows if all(row[name] == value for name, value in given.where.items())]
    return tuple(given.columns), [[row[column] for column in given.columns.values()] for row in wanted]


def _built(model: type[Any], values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise UserError(f"protocol {where}: must be a mapping of keys")
    try:
        return build(model, values)
    except UserError as error:
        raise UserError(f"protocol {where}: {error}") from None
