from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from factory.storage import Storage
from tests.races import race


def test_create_never_overwrites_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    assert storage.create("a/b.bin", b"first")
    assert not storage.create("a/b.bin", b"second")
    assert storage.read("a/b.bin") == b"first"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.bin"]


def test_one_of_many_racing_writers_wins_whole(tmp_path: Path) -> None:
    race(Storage(str(tmp_path)), "shard", 200_000)


def test_a_writer_that_dies_before_committing_leaves_nothing_visible(tmp_path: Path, monkeypatch: Any) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", die)
    storage = Storage(str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        storage.create("x.bin", b"data")
    assert storage.names() == []


def test_names_lists_files_of_one_folder(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    for name in ("d/2", "d/1", "d/sub/3", "top"):
        storage.create(name, b"")
    assert storage.names("d") == ["1", "2"]
    assert storage.names() == ["top"]
    assert storage.names("absent") == []


def test_what_a_killed_writer_leaves_is_never_listed_and_swept_when_old(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    storage.create("ledger/train-000000.json", b"{}")
    old, new = tmp_path / "ledger" / ".tmp-old.json", tmp_path / "data" / ".tmp-new.parquet"
    for file in (old, new):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b'{"rows":')
    os.utime(old, (time.time() - 7200,) * 2)
    assert storage.names("ledger") == ["train-000000.json"]
    assert storage.names("data") == []
    assert storage.sweep_uploads(3600) == ["ledger/.tmp-old.json"]
    assert (old.exists(), new.exists()) == (False, True)
    assert storage.sweep_uploads(0) == ["data/.tmp-new.parquet"]
    assert storage.sweep_uploads(0) == []
    assert storage.read("ledger/train-000000.json") == b"{}"
    assert Storage(f"{tmp_path}/absent").sweep_uploads(0) == []


def test_what_is_not_there(tmp_path: Path) -> None:
    storage = Storage(f"{tmp_path}/absent")
    assert not storage.exists("x")
    for reader in (storage.read, storage.open):
        with pytest.raises(FileNotFoundError):
            reader("x")


def test_a_folder_is_no_object(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    storage.create("a/b", b"")
    assert storage.exists("a/b")
    assert not storage.exists("a")


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_no_regular_file_is_refused_and_never_waited_for(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        os.mkfifo(tmp_path / "pipe")
        storage = Storage(str(tmp_path))
        for look in (storage.read, storage.open, lambda name: storage.read(name, 0, 5)):
            with pytest.raises(ValueError, match=f"{kind} is not a regular file: bring it back from a copy"):
                look(kind)
        assert not storage.exists(kind)
        assert storage.names() == []


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to itself", "below a file"])
def test_what_is_no_file_is_refused_and_not_waited_for(kind: str, tmp_path: Path) -> None:
    storage, name = Storage(str(tmp_path)), "a"
    if kind == "folder":
        (tmp_path / "a").mkdir()
    elif kind == "pipe":
        os.mkfifo(tmp_path / "a")
    elif kind == "link to itself":
        (tmp_path / "a").symlink_to("a")
    else:
        (tmp_path / "a").write_text("x")
        name = "a/b"
    for read in (storage.read, storage.open):
        with pytest.raises(ValueError, match="is not a regular file|is not a folder|leads to itself"):
            read(name)
    assert not storage.exists(name)
    if kind == "below a file":
        with pytest.raises(ValueError, match="a is not a folder"):
            storage.create(name, b"x")
        with pytest.raises(ValueError, match="a is not a folder"):
            storage.names("a")


def test_a_name_that_is_too_long_is_the_users(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too long"):
        Storage(str(tmp_path)).read("a" * 300)


def test_s3_without_s3fs_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ValueError, match=r"s3://bucket/x needs s3fs: pip install 'difffas-factory\[s3\]'"):
        Storage("s3://bucket/x")


def test_unknown_scheme() -> None:
    with pytest.raises(ValueError, match="ftp://"):
        Storage("ftp://host/x")


def test_a_url_holds_a_bucket_and_no_credentials() -> None:
    with pytest.raises(ValueError, match="names no bucket"):
        Storage("s3://")
    with pytest.raises(ValueError, match="holds no credentials: set AWS_ACCESS_KEY_ID") as caught:
        Storage("s3://name:planted-secret@bucket/x")
    assert "planted-secret" not in str(caught.value)
