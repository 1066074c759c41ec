"""The only place where a name inside a folder becomes a path, and where a name that leads out of it is refused.

Names come from ledgers, indexes and listings, which strangers may have written.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from difffas.errors import UserError

_STRANGE = re.compile(r"[\\\x00-\x1f\x7f]")


def checked(name: str, where: str) -> str:
    """Return `name` if it is a relative path of plain parts; the rules are equal on S3 and on a disk.

    Raises:
        UserError: naming `name` and `where`, if the name is empty or absolute, or has an empty part, `.`, `..`, a
            backslash or a control character.
    """
    if _STRANGE.search(name) or any(part in ("", ".", "..") for part in name.split("/")):
        raise UserError(
            f"{name!r} is not the name of a file inside {where}: bring back the file that names it from a copy"
        )
    return name


def inside(root: Path, name: str) -> Path:
    """Return the path of a checked name below `root`.

    The root may be a link, and links inside it may lead to other places inside it.

    Raises:
        UserError: if a link on the way leads out of the root.
    """
    path = root / name
    real, base = os.path.realpath(path), os.path.realpath(root)
    if real != base and not real.startswith(base.rstrip("/") + "/"):
        raise UserError(f"{path} leads out of {root} by a link, to {real}: put the files themselves there")
    return path
