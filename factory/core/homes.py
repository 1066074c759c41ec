"""A home folder for users without one: on OpenShift a user is a number without an entry in passwd and without HOME."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from difffas.errors import UserError


def private_folder(purpose: str) -> Path:
    """Return a folder inside the system's temporary folder that only this user can write to.

    Raises:
        UserError: if somebody else made a folder with that name.
    """
    folder = Path(tempfile.gettempdir()) / f"difffas-{purpose}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != 0o700 or not stat.S_ISDIR(found.st_mode):
        raise UserError(f"{folder} is not a folder of this user's alone: remove it, or set TMPDIR to another place")
    return folder


def have_home() -> None:
    """Set HOME if no home folder is known: without a home Ray Train and others end in a traceback."""
    if os.path.expanduser("~") == "~":
        os.environ["HOME"] = str(private_folder("home"))
