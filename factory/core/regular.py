"""Opening a file that may be anything: what is no regular file is refused, unread, and never waited for."""

from __future__ import annotations

import functools
import io
import os
import stat

from difffas.errors import UnreadableError

NOT_REGULAR = "not a regular file"
# File systems that the kernel makes up: their files look regular, but reading one may wait, or change something.
_MADE_UP = frozenset(
    {
        *("proc", "sysfs", "debugfs", "tracefs", "cgroup", "cgroup2", "securityfs", "configfs", "pstore", "bpf"),
        *("efivarfs", "binfmt_misc", "fusectl", "selinuxfs", "smackfs", "nfsd", "rpc_pipefs", "resctrl"),
        *("devpts", "devtmpfs", "mqueue", "nsfs"),
    }
)


class NotRegular(UnreadableError):
    """A pipe, a socket, a device, a folder, or a file that the kernel makes up."""


class TooLarge(UnreadableError):
    """A file of more bytes than its kind may have."""

    def __init__(self) -> None:
        super().__init__("file too large")


def is_regular(status: os.stat_result) -> bool:
    """Whether bytes that lie somewhere are all there is to a file: no pipe, device or folder, and not in /proc."""
    return stat.S_ISREG(status.st_mode) and not is_made_up(status)


def is_made_up(status: os.stat_result) -> bool:
    """Whether the kernel makes up a file or folder, as those of /proc."""
    return status.st_dev in _made_up_devices()


def open_regular(path: str) -> io.BufferedReader:
    """A reader of a regular file; a link is followed.

    Raises:
        NotRegular: it is something else; only looked at, not opened for longer than to look.
        OSError: it cannot be opened.
    """
    if not is_regular(os.stat(path)):  # a device may act upon being opened
        raise NotRegular(NOT_REGULAR)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe that came meanwhile would wait
    if not is_regular(os.fstat(descriptor)):
        os.close(descriptor)
        raise NotRegular(NOT_REGULAR)
    return os.fdopen(descriptor, "rb")


def read_regular(path: str, most: int) -> bytes:
    """The bytes of a regular file, `most` of them at most.

    Raises:
        NotRegular: as `open_regular`.
        TooLarge: no more is read of it than tells so.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise TooLarge
    return data


@functools.cache
def _made_up_devices() -> frozenset[int]:
    """The devices (`st_dev`) of such file systems that are mounted; none where no kernel lists its mounts."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            lines = [line.partition(" - ") for line in file]
    except OSError:
        return frozenset()
    found = [before.split()[2] for before, _, after in lines if after.split(" ")[0] in _MADE_UP]
    return frozenset(os.makedev(*map(int, place.split(":"))) for place in found)
