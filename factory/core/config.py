"""Configuration: frozen models that refuse unknown keys, read from YAML and `key=value` overrides.

Each component's model lies in the component's module; a station's model composes them. `fingerprint` is the sha256 of
the canonical JSON, which identifies a run.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import json
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from difffas.errors import UserError
from factory.core.credentials import REFUSAL, held, hide
from factory.core.documents import DEEPEST, LARGEST, JsonObject, JsonValue, parse_yaml, short
from factory.core.places import file_here, place


class Config(BaseModel):
    """Base of every configuration model: immutable; unknown keys, NaN and infinity refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)


def is_empty(value: object) -> bool:
    """Whether a collection or switch is left out, as `is_none` for settings whose default is empty or off."""
    return not value


def is_on(value: object) -> bool:
    """Whether a switch is left out, as `is_none` for a switch that is on unless it is turned off."""
    return value is True


def is_none(value: object) -> bool:
    """Whether a setting is left out; `Field(None, exclude_if=is_none)` is a setting that older runs did not have.

    Where it is left out it is in no dump, so that a configuration without it keeps its fingerprint.
    """
    return value is None


# Every model declares paths, URLs and names that may stand for a file with these types; a test looks for exceptions.
PathOrUrl = Annotated[str, AfterValidator(place)]
PathHere = Annotated[str, AfterValidator(file_here)]  # read from a disk of this machine alone
PathOfProtocol = Annotated[str, AfterValidator(functools.partial(place, known=("protocol",)))]

MOST_MISTAKES = 5  # reported in one line
FILL_IN = "FILL-IN"  # the value of a required key in the files that `difffas config` prints

ConfigT = TypeVar("ConfigT", bound=Config)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces, equal for equal values.

    Raises:
        ValueError: on NaN or infinity, which JSON cannot express.
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
        UserError: one line that names the key at fault and, if the key is misspelt, the nearest known key.
    """
    values: JsonObject = {}
    if path is not None:
        values = read_yaml(path)
        _open_sections(model, values)
    given: list[str] = []
    for override in overrides:
        dotted = set_override(values, override)
        if lost := next((one for one in given if one.startswith(f"{dotted}.")), None):
            raise UserError(f"override {dotted} replaces the section of {lost}, given before it: give {dotted} first")
        given.append(dotted)
    return build(model, values)


def set_override(values: JsonObject, override: str) -> str:
    """Put `section.key=value` into the values of a configuration, and return the key.

    Raises:
        UserError: if the override has another form, or holds credentials, which the message does not repeat.
    """
    dotted, equals, text = override.partition("=")
    if not equals:
        raise UserError(f"override {short(hide(override))!r} is not of the form key=value")
    if held(override):
        raise UserError(f"config key {short(hide(dotted))!r}: {REFUSAL}")
    _set(values, dotted, _parse_value(dotted, text))
    return dotted


def build(model: type[ConfigT], values: Mapping[str, object]) -> ConfigT:
    """Validate `values` against `model`; raises UserError in one line instead of pydantic's report.

    URLs that hold a user name or a password are refused, and the message does not repeat them: a configuration goes
    into `run.json`, the log and the names of jobs. A key that still holds FILL_IN is refused: as a path it would do.
    """
    _refuse_credentials(values, "")
    if blank := list(_blank(values, "")):
        raise UserError(f"still {FILL_IN}: {', '.join(blank)}; set each in the file or as KEY=VALUE")
    try:
        built = model.model_validate(values)
        _refuse_truths(values, built.model_dump(), "")
        return built
    except ValidationError as error:
        found = [_explain(model, item) for item in error.errors()]
        more = [f"{len(found) - MOST_MISTAKES} more of this kind"] if len(found) > MOST_MISTAKES else []
        raise UserError("; ".join(found[:MOST_MISTAKES] + more)) from None


def read_yaml(path: str | Path, what: str = "config") -> JsonObject:
    """Return the mapping in a YAML file; an empty file gives an empty mapping.

    Args:
        path: path on this machine.
        what: kind of file, for messages.

    Raises:
        UserError: if the file is missing or invalid YAML, if the path is a URL, if the document is not a mapping, and
            for everything that `parse_yaml` refuses.
    """
    try:
        with open(file_here(str(path)), "rb") as file:
            text = file.read(4 * LARGEST + 1).decode()  # a character has four bytes at most
    except FileNotFoundError:
        raise UserError(f"{what} file {hide(str(path))} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{what} file {hide(str(path))} cannot be read: {' '.join(str(error).split())}") from None
    values = parse_yaml(text, f"{what} file {path} cannot be read")
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(f"{what} file {path} must hold a mapping of keys, not a {type(values).__name__}")
    return values


def _open_sections(model: type[BaseModel], values: JsonObject) -> None:
    """A section of a file whose keys are all commented out is null to YAML; it is a section with its defaults."""
    for name, field in model.model_fields.items():
        section = section_of(field.annotation)
        if section is None:
            continue
        if name in values and values[name] is None and type(None) not in get_args(field.annotation):
            values[name] = {}
        inner = values.get(name)
        if isinstance(inner, dict):
            _open_sections(section, inner)


def _refuse_credentials(value: Any, dotted: str) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            inner = f"{dotted}.{name}" if dotted else str(name)
            _refuse_credentials(str(name), inner)
            _refuse_credentials(item, inner)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_credentials(item, dotted)
    elif isinstance(value, str) and held(value):
        raise UserError(f"config key {short(hide(dotted))!r}: {REFUSAL}")


def _blank(value: Any, dotted: str) -> Iterator[str]:
    """The dotted keys of a template that nobody has filled in."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _blank(item, f"{dotted}.{name}" if dotted else str(name))
    elif value == FILL_IN or value == [FILL_IN]:
        yield dotted


def _refuse_truths(given: Any, taken: Any, dotted: str) -> None:
    """Refuse a truth value that pydantic took for the number 0 or 1: YAML reads `yes` and `on` as true."""
    if isinstance(given, dict) and isinstance(taken, dict):
        for name, value in given.items():
            _refuse_truths(value, taken.get(name), f"{dotted}.{name}" if dotted else str(name))
    elif isinstance(given, list | tuple) and isinstance(taken, list | tuple) and len(given) == len(taken):
        for one, other in zip(given, taken, strict=True):
            _refuse_truths(one, other, dotted)
    elif isinstance(given, bool) and type(taken) in (int, float):
        raise UserError(f"config key {short(dotted)!r} is a number, not {str(given).lower()}: write its digits")


def _parse_value(dotted: str, text: str) -> Any:
    try:
        return parse_yaml(text, "it")
    except ValueError as error:
        key, reason = short(dotted), str(error).removeprefix("it: ")
        raise UserError(
            f"override {key}={short(text)} is not a YAML value: quote it, {key}='\"...\"' ({reason})"
        ) from None


def _set(values: JsonObject, dotted: str, value: JsonValue) -> None:
    *sections, key = dotted.split(".")
    if len(sections) > DEEPEST:
        raise UserError(f"override {short(dotted)}: more than {DEEPEST} levels deep")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise UserError(f"override {short(dotted)}: {short(section)} is not a section")
        values = inner
    values[key] = value


def _explain(model: type[BaseModel], error: ErrorDetails) -> str:
    location = tuple(error["loc"])
    dotted = short(".".join(map(str, location)))
    if error["type"] == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
        return f"unknown config key {dotted!r}; {hint}"
    if error["type"] == "missing":
        return f"config key {dotted!r} is required: set it in the file or as {dotted}=VALUE"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"config key {dotted!r}: {message} (got {short(repr(error['input']))})" if dotted else message


def _known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    annotation: Any = model
    for part in location:
        if get_origin(annotation) is dict:  # models under names of the user's
            annotation = get_args(annotation)[1]
            continue
        if not (_is_model(annotation) and part in annotation.model_fields):
            return []
        annotation = annotation.model_fields[part].annotation
        if get_origin(annotation) in (Union, types.UnionType):
            annotation = next(kind for kind in get_args(annotation) if kind is not type(None))
    return list(annotation.model_fields) if _is_model(annotation) else []


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The model of a field that is a section of its own, also where it may be left out; None for other fields."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next((kind for kind in get_args(annotation) if _is_model(kind)), None)
    return annotation if _is_model(annotation) else None


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
