"""Folders without hard links: still create-only, still whole or not at all, or one line that says the mend."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factory.storage import Storage, exclusive
from factory.storage.s3_retry import Refused
from tests.races import race

NO_LINKS = [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK, errno.EINVAL, errno.ENOTTY, 524]


def refusing(code: int) -> Callable[..., bool]:
    def refuse(*_: object) -> bool:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.fixture(params=["rename", "claim"])
def without_links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file system without hard links; with `claim` one without renames that keep the existing file, too."""
    monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    if request.param == "claim":
        monkeypatch.setattr(exclusive, "_rename", refusing(errno.EINVAL))
    return str(request.param)


@pytest.mark.parametrize("code", NO_LINKS, ids=lambda code: errno.errorcode.get(code, str(code)))
def test_however_a_folder_says_that_it_has_no_links(code: int, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(os, "link", refusing(code))
    storage = Storage(str(tmp_path))
    assert storage.create("a/b.bin", b"first")
    assert not storage.create("a/b.bin", b"second")
    assert storage.read("a/b.bin") == b"first"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.bin"]


@pytest.mark.usefixtures("without_links")
def test_create_never_overwrites_and_leaves_nothing(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    assert storage.create("x", b"first")
    assert not storage.create("x", b"second")
    assert storage.create("empty", b"")
    assert not storage.create("empty", b"late")
    assert (storage.read("x"), storage.read("empty")) == (b"first", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "x"]


@pytest.mark.usefixtures("without_links")
def test_a_name_taken_between_the_look_and_the_move_stays(tmp_path: Path) -> None:
    """The look before the writing finds nothing; another writer commits meanwhile."""
    (tmp_path / ".tmp-mine").write_bytes(b"mine")
    (tmp_path / "x").write_bytes(b"theirs")
    assert not exclusive.commit(str(tmp_path / ".tmp-mine"), tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"theirs"


@pytest.mark.usefixtures("without_links")
def test_one_of_many_racing_writers_wins_whole(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    for number in range(20):
        race(storage, f"shard-{number}")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"shard-{number}" for number in range(20))


KILLED = """
import os, signal, sys
from factory.storage import Storage, exclusive
def missing(*_): raise OSError(95, "no such call")
os.link = missing
exclusive._rename = missing
real, calls = os.rename, []
def rename(old, new):
    calls.append(new)
    if len(calls) == int(sys.argv[2]): os.kill(os.getpid(), signal.SIGKILL)
    return real(old, new)
os.rename = rename
Storage(sys.argv[1]).create("x", b"of the dead")
"""


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_writer_killed_at_any_step_leaves_nothing_visible_and_no_lock(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(step)], check=False)
    assert dead.returncode == -signal.SIGKILL
    storage = Storage(str(tmp_path))
    assert storage.names() == []
    monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    monkeypatch.setattr(exclusive, "_rename", refusing(errno.EINVAL))
    monkeypatch.setattr(exclusive, "HOLD_SECONDS", 0.2)
    assert storage.create("x", b"of the living")
    assert storage.read("x") == b"of the living"
    storage.sweep_uploads(0)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_who_wakes_after_its_claim_was_taken_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    monkeypatch.setattr(exclusive, "_rename", refusing(errno.EINVAL))
    monkeypatch.setattr(exclusive, "HOLD_SECONDS", 0.1)
    storage, real, other = Storage(str(tmp_path)), os.rename, threading.Event()
    slow = threading.current_thread()

    def rename(old: Any, new: Any) -> None:
        if threading.current_thread() is slow and str(new) == str(tmp_path / "x"):  # it sleeps between look and move
            thread = threading.Thread(target=lambda: storage.create("x", b"quick") and other.set())
            thread.start()
            thread.join()
        real(old, new)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(OSError, match="another writer took the claim"):
        storage.create("x", b"slow")
    assert other.is_set()
    assert storage.read("x") == b"quick"
    assert not storage.create("x", b"again")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_that_can_do_none_of_it_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, code in ((os, "link", errno.EPERM), (os, "rename", errno.ENOSYS), (exclusive, "_rename", 38)):
        monkeypatch.setattr(module, name, refusing(code))
    with pytest.raises(Refused, match=r"neither hard links nor renames .*: write to a disk .*s3://") as caught:
        Storage(str(tmp_path)).create("x", b"data")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["fchmod", "fsync"])
def test_a_folder_without_modes_or_without_syncs_of_folders(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    real = getattr(os, name)

    def lacking(descriptor: int, *more: Any) -> None:
        if name == "fchmod" or os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EPERM if name == "fchmod" else errno.EINVAL, "no such thing")
        real(descriptor, *more)

    monkeypatch.setattr(os, name, lacking)
    assert Storage(str(tmp_path)).create("x", b"data")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_other_faults_of_a_disk_are_told_as_they_are(code: int, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(os, "link", refusing(code))
    with pytest.raises(OSError, match=rf"\[Errno {code}\]"):
        Storage(str(tmp_path)).create("x", b"data")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("without_links")
def test_old_claims_are_swept_and_new_ones_are_not(tmp_path: Path) -> None:
    claim = tmp_path / "data" / ".tmp-claim-x.parquet"
    claim.mkdir(parents=True)
    (claim / ".tmp-abc").write_bytes(b"data")
    storage = Storage(str(tmp_path))
    assert storage.sweep_uploads(3600) == []
    for path in (claim / ".tmp-abc", claim):
        os.utime(path, (time.time() - 7200,) * 2)
    assert storage.sweep_uploads(3600) == ["data/.tmp-claim-x.parquet/.tmp-abc"]
    assert storage.sweep_uploads(0) == []
    assert storage.create("data/x.parquet", b"data")
    assert [path.name for path in claim.parent.iterdir()] == ["x.parquet"]
