"""Compares JSON from a file with the TypedDict that its readers rely on."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

PLAIN = {bool: (bool,), int: (int,), float: (int, float), str: (str,), type(None): (type(None),), object: (object,)}
# JSON of any form, whose own alias refers to itself.
_ANY_JSON = {"JsonValue": object, "JsonObject": Mapping[str, object]}


def misfit(value: object, form: Any, key: str = "") -> str | None:
    """Return in a few words how a JSON value differs from a type; None if it fits.

    Keys that a TypedDict does not name are allowed: a later version may have written them.

    Args:
        value: the value, as a JSON parser returns it.
        form: a TypedDict, or a type of its values: a list, a mapping by text, a Literal, a union or a plain type.
        key: the key of the value in its document, for the answer.
    """
    origin, arguments = get_origin(form), get_args(form)
    if origin in (Union, types.UnionType):
        faults = [misfit(value, choice, key) for choice in arguments]
        return None if None in faults else next((fault for fault in faults if fault != _other_form(key)), faults[0])
    if origin is Literal:
        return None if any(type(value) is type(one) and value == one for one in arguments) else _other_form(key)
    if is_typeddict(form):
        return _misfit_document(value, form, key)
    if origin in (dict, Mapping):
        return _first(value.items(), arguments[1], key) if isinstance(value, dict) else _other_form(key)
    if origin in (list, Sequence):
        return _first(enumerate(value), arguments[0], key) if isinstance(value, list) else _other_form(key)
    fits = isinstance(value, PLAIN[form]) and (form in (bool, object) or not isinstance(value, bool))
    return None if fits else _other_form(key)


def _misfit_document(value: object, form: Any, key: str) -> str | None:
    if not isinstance(value, dict):
        return _other_form(key)
    for name, hint in get_type_hints(form, localns=_ANY_JSON, include_extras=True).items():
        optional = get_origin(hint) is NotRequired
        if name in value:
            fault = misfit(value[name], get_args(hint)[0] if optional else hint, _inner(key, name))
            if fault is not None:
                return fault
        elif not optional and name in form.__required_keys__:
            return f"its {_inner(key, name)} is missing"
    return None


def _first(items: Any, form: Any, key: str) -> str | None:
    return next(filter(None, (misfit(value, form, _inner(key, str(name))) for name, value in items)), None)


def _inner(key: str, name: str) -> str:
    return f"{key}.{name}"[:200] if key else name[:200]


def _other_form(key: str) -> str:
    return f"its {key} has another form" if key else "it is not a JSON object"
