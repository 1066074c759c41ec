"""A finished file gets its name unless the name is taken: by hard link, or as folders without hard links allow.

A link fails where the name is taken, and is atomic. FAT, exFAT and many FUSE and object mounts have none. There a
rename that does not replace does the same, and where that is missing too (most FUSE mounts), a claim: a folder beside
the file, which one writer at a time holds by having renamed a folder of its own, with the file in it, to the claim's
name. The file goes from inside the claim to its name, so a writer that lost its claim, however late it wakes, finds
nothing to rename: no clock decides who wins, a clock only decides when a dead writer's claim is taken from it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import tempfile
import time
from pathlib import Path

from factory.storage.s3_retry import Refused

UNFINISHED = ".tmp-"  # begins the names of local files that are being written
HOLD_SECONDS = 30.0  # a claim is held for two system calls; one held longer is a dead writer's
POLL_SECONDS = 0.02
# How file systems say that they have no such call: EPERM (FAT, exFAT, s3fs), ENOSYS (FUSE), EMLINK (one link at most),
# EXDEV (overlays), EINVAL (no flags to a rename; network mounts), ENOTTY, and a code of the kernel's own that slips
# out. What is a true fault the next way meets as well.
_ENOTSUPP = 524
MISSING = frozenset(
    {
        *(errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EXDEV),
        *(errno.EINVAL, errno.ENOTTY, _ENOTSUPP),
    }
)

_CURRENT_FOLDER, _NO_REPLACE = -100, 1  # AT_FDCWD, RENAME_NOREPLACE of Linux
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


def publish(temporary: str, path: Path) -> bool:
    """Give the file `temporary`, which lies in the same folder, the name `path`; False if another has the name.

    The file may go by its old name, too, or by that alone: the caller removes what is left of it.

    Raises:
        Refused: the folder has no way to create a name only once; says the mend.
        OSError: anything else that the disk says.
    """
    for attempt in (_link, _rename, _claim):
        try:
            return attempt(temporary, path)
        except OSError as error:
            if error.errno not in MISSING:
                raise
    raise Refused(
        f"{path.parent} has neither hard links nor renames that keep an existing file, so nothing can be created "
        f"there only once: write to a disk of this machine, or to the store itself (s3://, gs://, az://)"
    )


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlast a loss of power, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in MISSING:
            raise
    finally:
        os.close(descriptor)


def make_readable(descriptor: int) -> None:
    """Give a new file the mode 0644, where the file system has modes: FAT and many FUSE mounts have their own."""
    try:
        os.fchmod(descriptor, 0o644)
    except OSError as error:
        if error.errno not in MISSING:
            raise


def _link(temporary: str, path: Path) -> bool:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    return True


def _rename(temporary: str, path: Path) -> bool:
    """Linux's rename that does not replace; ENOSYS where the C library or the kernel has none."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        raise OSError(errno.ENOSYS, "no renameat2")
    if rename(_CURRENT_FOLDER, os.fsencode(temporary), _CURRENT_FOLDER, os.fsencode(path), _NO_REPLACE) == 0:
        return True
    if (code := ctypes.get_errno()) == errno.EEXIST:
        return False
    raise OSError(code, os.strerror(code), temporary)


def _claim(temporary: str, path: Path) -> bool:
    """Rename inside a claim, see the module."""
    claim = path.parent / f"{UNFINISHED}claim-{path.name}"
    mine = Path(tempfile.mkdtemp(dir=path.parent, prefix=UNFINISHED))
    held = claim / mine.name  # no two writers' files have one name
    try:
        os.rename(temporary, mine / mine.name)
        if not _take(mine, claim, path):
            return False
        if path.exists():
            return False
        try:
            os.rename(held, path)
        except FileNotFoundError:
            text = "another writer took the claim on this name: it had been held for too long"
            raise OSError(errno.ESTALE, text, str(path)) from None
        return True
    finally:
        for leftover in (mine / mine.name, held):
            leftover.unlink(missing_ok=True)
        for folder in (mine, claim):
            remove_if_empty(folder)


def _take(mine: Path, claim: Path, path: Path) -> bool:
    """Make `mine` the claim, as soon as nobody holds it; False if the name is taken meanwhile."""
    holder, since = "", time.monotonic()
    while True:
        try:
            os.rename(mine, claim)  # replaces an empty folder: a claim that was used
            return True
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        if path.exists():
            return False
        now = next(iter(_names(claim)), "")
        if now != holder:
            holder, since = now, time.monotonic()
        elif holder and time.monotonic() - since > HOLD_SECONDS:
            (claim / holder).unlink(missing_ok=True)
            continue
        time.sleep(POLL_SECONDS)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that another writer may be using, or may have removed."""
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in (*_TAKEN, errno.ENOENT):
            raise
