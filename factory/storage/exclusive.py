"""Gives a finished file its name unless the name is taken: by a hard link, or by another way if links are missing.

A hard link is atomic and fails if the name is taken. FAT, exFAT and many FUSE and object mounts have no hard links.
There a rename that does not replace does the same. Where that is missing too (most FUSE mounts), writers use a claim:
a folder next to the file. A writer holds the claim by renaming its own folder, with the file inside, to the claim's
name. The file is then renamed from inside the claim to its final name, so a writer that lost its claim, however late
it wakes, finds nothing to rename. No clock decides which writer wins; a clock only decides when a dead writer loses
its claim.
"""

from __future__ import annotations

import ctypes
import errno
import os
import tempfile
import time
from pathlib import Path

from factory.storage.s3_retry import Refused

UNFINISHED = ".tmp-"  # prefix of the names of local files that are being written
HOLD_SECONDS = 30.0  # a claim is held for two system calls; a claim held longer than this belongs to a dead writer
POLL_SECONDS = 0.02
# Codes by which file systems say that they lack such a call: EPERM (FAT, exFAT, s3fs), ENOSYS (FUSE), EMLINK (one link
# at most), EXDEV (overlays), EINVAL (rename without flags; network mounts), ENOTTY, and a kernel-internal code that
# slips out. If the code meant a true fault, the next way meets that fault as well.
_ENOTSUPP = 524
MISSING = frozenset(
    {
        *(errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EXDEV),
        *(errno.EINVAL, errno.ENOTTY, _ENOTSUPP),
    }
)

_CURRENT_FOLDER, _NO_REPLACE = -100, 1  # AT_FDCWD, RENAME_NOREPLACE of Linux
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


def commit(temporary: str, path: Path) -> bool:
    """Give the file `temporary`, which lies in the same folder, the name `path`; False if the name is taken.

    The file may keep its old name, too, or only that: the caller removes whatever is left under the old name.

    Raises:
        Refused: the folder has no way to create a name only once; the message says what to do.
        OSError: any other fault of the disk.
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
    """Make the names in a folder survive a power loss, if the file system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in MISSING:
            raise
    finally:
        os.close(descriptor)


def make_readable(descriptor: int) -> None:
    """Give a new file the mode 0644 if the file system has modes; FAT and many FUSE mounts fix their own."""
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
    """Use Linux's rename that does not replace; raises ENOSYS if the C library or the kernel lacks it."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        raise OSError(errno.ENOSYS, "no renameat2")
    if rename(_CURRENT_FOLDER, os.fsencode(temporary), _CURRENT_FOLDER, os.fsencode(path), _NO_REPLACE) == 0:
        return True
    if (code := ctypes.get_errno()) == errno.EEXIST:
        return False
    raise OSError(code, os.strerror(code), temporary)


def _claim(temporary: str, path: Path) -> bool:
    """Rename from inside a claim, as the module describes."""
    claim = path.parent / f"{UNFINISHED}claim-{path.name}"
    mine = Path(tempfile.mkdtemp(dir=path.parent, prefix=UNFINISHED))
    held = claim / mine.name  # unique for each writer
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
    """Make `mine` the claim as soon as nobody holds it; False if the name is taken in the meantime."""
    holder, since = "", time.monotonic()
    while True:
        try:
            os.rename(mine, claim)  # this replaces an empty folder: a used claim
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
    """Remove a folder if it is empty; another writer may be using it, or may have removed it."""
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in (*_TAKEN, errno.ENOENT):
            raise
