"""Names in the values of a YAML file: `$name` stands for a value."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any


def substituted(value: Any, put: Mapping[str, Any]) -> Any:
    """Return `value` with `$name` replaced in all its text.

    A text that is only `$name` becomes the value itself, type included. Without names to put, nothing changes.
    """
    if isinstance(value, str) and put:
        alone = value[1:] if value.startswith("$") else ""
        return put[alone] if alone in put else string.Template(value).safe_substitute(put)
    if isinstance(value, Mapping):
        return {key: substituted(one, put) for key, one in value.items()}
    return [substituted(one, put) for one in value] if isinstance(value, list) else value
