"""Opens a path that may be anything: everything but a regular file is refused, unread and without waiting."""

from __future__ import annotations

import functools
import io
import os
import stat

from difffas.errors import UnreadableError

NOT_REGULAR = "not a regular file"
# Pseudo file systems of the kernel: their files look regular, but reading one may block or change something.
_MADE_UP = frozenset(
    {
        *("proc", "sysfs", "debugfs", "tracefs", "cgroup", "cgroup2", "securityfs", "configfs", "pstore", "bpf"),
        *("efivarfs", "binfmt_misc", "fusectl", "selinuxfs", "smackfs", "nfsd", "rpc_pipefs", "resctrl"),
        *("devpts", "devtmpfs", "mqueue", "nsfs"),
    }
)


class NotRegular(UnreadableError):
    """Raised for a pipe, a socket, a device, a folder, or a file of a pseudo file system."""


class TooLarge(UnreadableError):
    """Raised for a file that has more bytes than its kind may have."""

    def __init__(self) -> None:
        super().__init__("file too large")


def is_regular(status: os.stat_result) -> bool:
    """Return whether a file is plain stored bytes: not a pipe, device or folder, and not in /proc."""
    return stat.S_ISREG(status.st_mode) and not is_made_up(status)


def is_made_up(status: os.stat_result) -> bool:
    """Return whether a file or folder belongs to a pseudo file system of the kernel, such as /proc."""
    return status.st_dev in _made_up_devices()


def open_regular(path: str) -> io.BufferedReader:
    """Return a reader of a regular file; links are followed.

    Raises:
        NotRegular: the path is something else; it is inspected, and never held open longer than that takes.
        OSError: the file cannot be opened.
    """
    if not is_regular(os.stat(path)):  # opening a device may already trigger it
        raise NotRegular(NOT_REGULAR)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe put there since would block
    if not is_regular(os.fstat(descriptor)):
        os.close(descriptor)
        raise NotRegular(NOT_REGULAR)
    return os.fdopen(descriptor, "rb")


def read_regular(path: str, most: int) -> bytes:
    """Return the bytes of a regular file, which may have at most `most` of them.

    Raises:
        NotRegular: as `open_regular`.
        TooLarge: the file has more; only one byte more than `most` is read.
        OSError: the file cannot be read.
    """
    with open_regular(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise TooLarge
    return data


@functools.cache
def _made_up_devices() -> frozenset[int]:
    """Return the devices (`st_dev`) of mounted pseudo file systems; empty if the kernel lists no mounts."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            lines = [line.partition(" - ") for line in file]
    except OSError:
        return frozenset()
    found = [before.split()[2] for before, _, after in lines if after.split(" ")[0] in _MADE_UP]
    return frozenset(os.makedev(*map(int, place.split(":"))) for place in found)
