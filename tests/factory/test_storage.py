from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from factory.storage import Storage, _create_object


def test_create_never_overwrites_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    assert storage.create("a/b.bin", b"first")
    assert not storage.create("a/b.bin", b"second")
    assert storage.read("a/b.bin") == b"first"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.bin"]


def test_one_of_many_racing_writers_wins_whole(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    payloads = [bytes([i]) * 200_000 for i in range(8)]
    won: list[int] = []
    barrier = threading.Barrier(8)

    def write(i: int) -> None:
        barrier.wait()
        if storage.create("shard", payloads[i]):
            won.append(i)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert storage.read("shard") == payloads[won[0]]


def test_a_writer_that_dies_before_publishing_leaves_nothing_visible(tmp_path: Path, monkeypatch: Any) -> None:
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


def test_s3_without_s3fs_names_the_extra(monkeypatch: Any) -> None:
    import fsspec  # noqa: F401  so that its registry module exists

    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ValueError, match=r"s3://bucket/x needs s3fs: pip install 'difffas-factory\[s3\]'"):
        Storage("s3://bucket/x")


def test_unknown_scheme() -> None:
    with pytest.raises(ValueError, match="ftp://"):
        Storage("ftp://host/x")


class RefusingS3:
    """Answers as s3fs does when `If-None-Match: *` fails, and otherwise."""

    def __init__(self, code: str) -> None:
        self._code = code

    def pipe_file(self, path: str, data: bytes, mode: str) -> None:
        assert mode == "create"
        cause = Exception(self._code)
        cause.response = {"Error": {"Code": self._code}}  # type: ignore[attr-defined]
        raise OSError(22, "refused") from cause


def test_an_object_that_is_there_already_stays_and_other_refusals_are_errors() -> None:
    assert _create_object(RefusingS3("PreconditionFailed"), "s3://bucket/x", b"") is False
    with pytest.raises(OSError, match="refused"):
        _create_object(RefusingS3("InvalidRequest"), "s3://bucket/x", b"")
