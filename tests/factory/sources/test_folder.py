from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from factory.sources import Source, list_sources, listing_digest, printable
from tests.odd_images import write_odd_images, write_traps
from tests.photo_tables import write_tar


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_only_image_files_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.JPG", "b/1.png", "a.heic", "notes.txt", "jpg", ".hidden.jpg", ".git/x.png", "b/x.jpg.part")
    assert list_sources(str(tmp_path)) == [Source("a.heic", 1), Source("b/1.png", 1), Source("b/2.JPG", 1)]


def test_formats_that_nothing_here_reads_are_listed_and_not_passed_over(tmp_path: Path) -> None:
    names = ["1.jxl", "2.ICO", "3.qoi", "4.dng", "5.psd", "6.exr"]
    touch(tmp_path, *names)
    assert [source.path for source in list_sources(str(tmp_path))] == names
    write_tar(tmp_path / "a.tar", {"1.jpg": b"view", "1.exr": b"depth"})
    assert [source.path for source in list_sources(str(tmp_path / "a.tar"))] == ["a.tar/1.jpg"]


def test_awkward_names_are_listed(tmp_path: Path) -> None:
    written = write_odd_images(tmp_path)
    assert [source.path for source in list_sources(str(tmp_path))] == sorted(written)


def test_traps_end(tmp_path: Path) -> None:
    write_traps(tmp_path)
    assert {printable(source.path): source.reject for source in list_sources(str(tmp_path))} == {
        "down/circle.jpg": "broken link",
        "down/latin-\\udce9.png": None,
        "down/lost.jpg": "broken link",
        "down/pipe.jpg": "not a regular file",
    }


def test_a_file_that_cannot_be_looked_at_is_no_broken_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "1.jpg")
    look = os.stat

    def denied(path: str, **options: Any) -> os.stat_result:
        if str(path).endswith("1.jpg"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return look(path, **options)

    monkeypatch.setattr(os, "stat", denied)
    with pytest.raises(ValueError, match=r"1\.jpg cannot be listed: Permission denied; make it readable"):
        list_sources(str(tmp_path))


def test_the_digest_knows_names_and_sizes() -> None:
    listing = [Source("a.jpg", 3), Source("b\udce9.jpg", 4)]
    assert listing_digest(listing) == listing_digest(list(listing))
    assert listing_digest(listing) != listing_digest([Source("a.jpg", 3), Source("b\udce9.jpg", 5)])
    assert listing_digest(listing) != listing_digest([Source("a.jpg", 3), Source("c.jpg", 4)])
