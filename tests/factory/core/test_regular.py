"""What is no regular file is refused, unread and at once."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.core.regular import NotRegular, TooLarge, open_regular, read_regular

ODD: dict[str, Callable[[Path], None]] = {
    "pipe": lambda path: os.mkfifo(path),
    "folder": lambda path: path.mkdir(),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "link to the terminal": lambda path: path.symlink_to("/dev/tty"),
    "link to the kernel's log": lambda path: path.symlink_to("/proc/kmsg"),
    "link to a link to the kernel's log": lambda path: (
        path.with_suffix(".l").symlink_to("/proc/kmsg"),
        path.symlink_to(path.with_suffix(".l")),
    )[0],
    "link to a file of the kernel": lambda path: path.symlink_to("/proc/version"),
    "link to a setting of the kernel": lambda path: path.symlink_to("/sys/kernel/uevent_seqnum"),
}


def odd(kind: str, path: Path) -> Path:
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    else:
        ODD[kind](path)
    if path.is_symlink() and not path.exists():
        pytest.skip(f"this system has no {os.readlink(path)}")
    return path


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", [*ODD, "socket"])
def test_what_is_no_regular_file_is_told_at_once(kind: str, tmp_path: Path) -> None:
    path = str(odd(kind, tmp_path / "x.jpg"))
    for read in (open_regular, lambda path: read_regular(path, 100)):
        with pytest.raises(NotRegular, match="^not a regular file$"):
            read(path)


@pytest.mark.timeout(20)
def test_a_pipe_that_takes_the_file_s_place_after_the_look_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "x.jpg")
    regular = os.stat(__file__)
    monkeypatch.setattr(os, "stat", lambda path: regular)
    with pytest.raises(NotRegular):
        open_regular(str(tmp_path / "x.jpg"))


def test_files_and_links_to_them_are_read_within_the_bound(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").symlink_to("a")
    assert read_regular(str(tmp_path / "b"), 5) == b"12345"
    with pytest.raises(TooLarge, match="^file too large$"):
        read_regular(str(tmp_path / "b"), 4)
    with pytest.raises(FileNotFoundError):
        open_regular(str(tmp_path / "c"))


@pytest.mark.timeout(60)
def test_a_file_that_grows_faster_than_it_is_read_ends(tmp_path: Path) -> None:
    path, stop = tmp_path / "a", threading.Event()
    path.write_bytes(b"x" * 1000)

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(bytes(1 << 16))

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        while path.stat().st_size < 1 << 20:
            pass
        with pytest.raises(TooLarge):
            read_regular(str(path), 1 << 20)
    finally:
        stop.set()
        thread.join()
