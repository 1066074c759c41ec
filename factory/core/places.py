"""Paths and URLs as people write them: `~` is the home folder, and a variable that no shell replaced is a mistake.

A shell replaces neither in a YAML file, nor `~` in `out=~/x`. A folder of that very name would be made, or, with a
variable that is empty, the current folder written to.
"""

from __future__ import annotations

import os
import re

from difffas.errors import UserError
from factory.core.credentials import hide

_HOME = re.compile(r"(?P<before>(?:[a-z][a-z0-9+.-]*:)*(?P<url>//)?)(?P<home>~[^/]*)(?P<rest>/.*)?", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[^}]*)\}?|(?P<bare>\w+)|\()|`")


def file_here(text: str) -> str:
    """As `place`, for what is read from a disk of this machine alone; raises ValueError for a URL."""
    path = place(text)
    if "://" in path:
        raise UserError(f"{hide(path)} is a URL: give a path on this machine")
    return path


def place(text: str, known: tuple[str, ...] = ()) -> str:
    """`text` with the home folder in the place of `~` or `~USER`, also behind a prefix such as `local-dir:`.

    Args:
        text: a path, a URL, or a name that is neither: it has no such sign.
        known: variables that the caller replaces.

    Raises:
        ValueError: in one line, if it is blank, or holds a variable or command of the shell's, or an unknown home.
    """
    if not text.strip():
        raise UserError(f"{text!r} is not a path: the variable that it came from may be empty")
    if "\0" in text:
        raise UserError(f"{text!r} is not a path: it holds a zero byte")
    for found in _VARIABLE.finditer(text):
        if (found["braced"] or found["bare"]) not in known:
            raise UserError(f"{text!r} holds {found.group()}, which only a shell replaces: write out its value")
    match = _HOME.fullmatch(text)
    if match is None:
        return text
    if match["url"] and not match["before"].endswith("file://"):
        raise UserError(f"{text!r}: {match['home']} is a folder of this machine, which the URL's store has not")
    home = os.path.expanduser(match["home"])
    if home == match["home"]:
        raise UserError(f"{text!r}: there is no home folder {home}; a folder of that name is ./{home}")
    return match["before"] + home + (match["rest"] or "")
