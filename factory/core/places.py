"""Paths and URLs as people write them: `~` is the home folder, and a variable that no shell replaced is a mistake.

A shell replaces neither of them in a YAML file, and leaves `~` in `out=~/x` as it is. Without this module a folder
with that literal name would be made, or, for an empty variable, the current folder would be written to.
"""

from __future__ import annotations

import os
import re

from difffas.errors import UserError
from factory.core.credentials import hide

_HOME = re.compile(r"(?P<before>(?:[a-z][a-z0-9+.-]*:)*(?P<url>//)?)(?P<home>~[^/]*)(?P<rest>/.*)?", re.DOTALL)
_ONE_SLASH = re.compile(r"(?P<scheme>embedded|s3|gs|gcs|az|abfss?|hf|https?):/?(?P<rest>[^/].*)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[^}]*)\}?|(?P<bare>\w+)|\()|`")


def file_here(text: str) -> str:
    """As `place`, for a path that is read from a disk of this machine only; raises UserError for a URL."""
    path = place(text)
    if "://" in path:
        raise UserError(f"{hide(path)} is a URL: give a path on this machine")
    return path


def place(text: str, known: tuple[str, ...] = ()) -> str:
    """Return `text` with `~` or `~USER` replaced by the home folder, also after a prefix such as `local-dir:`.

    Args:
        text: a path, a URL, or another name; such a name has no `~` and is returned unchanged.
        known: variables that the caller replaces.

    Raises:
        UserError: in one line, if `text` is blank, holds a shell variable or command, names an unknown home, or is a
            URL that lacks a slash.
    """
    if not text.strip():
        raise UserError(f"{text!r} is not a path: the variable that it came from may be empty")
    if "\0" in text:
        raise UserError(f"{text!r} is not a path: it holds a zero byte")
    for found in _VARIABLE.finditer(text):
        if (found["braced"] or found["bare"]) not in known:
            raise UserError(f"{text!r} holds {found.group()}, which only a shell replaces: write out its value")
    if slip := _ONE_SLASH.fullmatch(text):
        meant = f"{slip['scheme']}://{slip['rest']}"
        raise UserError(
            f"{hide(text)} is not a URL: {hide(meant)} was meant (a folder of that name is ./{hide(text)})"
        )
    match = _HOME.fullmatch(text)
    if match is None:
        return text
    if match["url"] and not match["before"].endswith("file://"):
        raise UserError(f"{text!r}: {match['home']} is a folder of this machine: a URL cannot contain one")
    home = os.path.expanduser(match["home"])
    if home == match["home"]:
        raise UserError(f"{text!r}: there is no home folder {home}; a folder of that name is ./{home}")
    return match["before"] + home + (match["rest"] or "")
