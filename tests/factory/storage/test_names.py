from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from factory.storage import Storage

LEADING_OUT = [
    "../secret.txt",
    "data/../../secret.txt",
    "/etc/hostname",
    "//etc/hostname",
    "data//x",
    "./x",
    "data/./x",
    "data/",
    "..",
    "..\\secret.txt",
    "a\0b",
    "a\nb",
    "",
]
METHODS: list[Callable[[Storage, str], Any]] = [
    Storage.exists,
    Storage.open,
    Storage.read,
    Storage.path,
    lambda storage, name: storage.create(name, b"x"),
    lambda storage, name: storage.names(name or "/"),
]


@pytest.mark.parametrize("name", LEADING_OUT)
def test_no_method_takes_a_name_that_leads_out(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "root" / "data").mkdir(parents=True)
    for method in METHODS:
        with pytest.raises(ValueError, match=r"is not the name of a file inside .*root") as caught:
            method(Storage(str(tmp_path / "root")), name)
        assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] in (["secret.txt", "root"], ["root", "secret.txt"])


def test_a_name_in_a_bucket_is_checked_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Mock()
    monkeypatch.setattr("factory.storage.store_of", lambda url: store)
    for name in LEADING_OUT:
        for method in METHODS:
            with pytest.raises(ValueError, match="is not the name of a file inside s3://bucket/faces"):
                method(Storage("s3://bucket/faces"), name)
    assert not store.method_calls


def test_a_link_out_of_the_folder_is_neither_read_nor_written_through(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (outside / "x").write_bytes(b"secret")
    (root / "data").symlink_to(outside)
    (root / "file").symlink_to(outside / "x")
    (root / "new").symlink_to(outside / "absent")
    (root / "near").symlink_to("../rootless")  # a neighbour whose path begins as the root's does
    storage = Storage(str(root))
    for name in ("data/x", "file", "new", "near"):
        for method in METHODS:
            if method is Storage.path:
                continue
            with pytest.raises(ValueError, match="leads out of .* by a link, to .*put the files themselves there"):
                method(storage, name)
    assert [path.name for path in outside.iterdir()] == ["x"]


def test_links_inside_the_folder_and_to_it_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real" / "a").mkdir(parents=True)
    (tmp_path / "real" / "a" / "x").write_bytes(b"x")
    (tmp_path / "real" / "b").symlink_to("a")
    (tmp_path / "link").symlink_to("real")
    storage = Storage(str(tmp_path / "link"))
    assert storage.read("b/x") == b"x"
    assert storage.create("b/y", b"y")
    assert storage.names("a") == ["x", "y"]
