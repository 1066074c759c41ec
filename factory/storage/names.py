"""The one place where a name inside a folder becomes a path, and where a name that leads out of it is refused.

Names come from ledgers, indexes and listings, which strangers may have written.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from difffas.errors import UserError

_STRANGE = re.compile(r"[\\\x00-\x1f\x7f]")


def checked(name: str, where: str) -> str:
    """`name`, if it is a relative path of plain parts; on S3 as on a disk.

    Raises:
        ValueError: naming it and `where`, if it is empty, absolute, has an empty part, `.` or `..`, a backslash or a
            control character.
    """
    if _STRANGE.search(name) or any(part in ("", ".", "..") for part in name.split("/")):
        raise UserError(
            f"{name!r} is not the name of a file inside {where}: bring back the file that names it from a copy"
        )
    return name


def inside(root: Path, name: str) -> Path:
    """The path of a checked name below `root`.

    The root may be a link, and links may lead from one place inside it to another.

    Raises:
        ValueError: if a link on the way leads out of the root.
    """
    path = root / name
    real, base = os.path.realpath(path), os.path.realpath(root)
    if real != base and not real.startswith(base.rstrip("/") + "/"):
        raise UserError(f"{path} leads out of {root} by a link, to {real}: put the files themselves there")
    return path
