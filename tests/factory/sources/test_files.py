"""Where a source is: one file, a glob, a folder, links, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.sources import Source, list_sources, read_sources


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_linked_folders_are_entered_once_and_real_ones_first(tmp_path: Path) -> None:
    touch(tmp_path, "root/real/1.jpg", "elsewhere/2.jpg")
    for name in ("aaa", "zzz"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "root" / "real")
        (tmp_path / "root" / f"{name}-out").symlink_to(tmp_path / "elsewhere")
    assert [source.path for source in list_sources(str(tmp_path / "root"))] == ["aaa-out/2.jpg", "real/1.jpg"]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="no /proc")
def test_folders_that_the_kernel_makes_up_are_not_entered(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    for number, target in enumerate(("/proc", "/proc/self", "/proc/self/task", "/sys")):
        (tmp_path / str(number)).symlink_to(target)
    assert list_sources(str(tmp_path)) == [Source("a.png", 1)]


def test_what_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere does not exist"):
        list_sources(str(tmp_path / "nowhere"))
    touch(tmp_path, "notes.txt")
    with pytest.raises(ValueError, match="holds no image file"):
        list_sources(str(tmp_path))
    with pytest.raises(ValueError, match="source ftp://host/photos: scheme ftp:// is not supported"):
        list_sources("ftp://host/photos")


def test_one_file_and_a_glob(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "a/2.png", "b/1.jpg", "b/notes.txt", "b/deep/3.jpg")
    assert list_sources(str(tmp_path / "a" / "1.jpg")) == [Source("1.jpg", 1)]
    found = list_sources(f"{tmp_path}/*/1.*")
    assert [source.path for source in found] == ["a/1.jpg", "b/1.jpg"]
    (tmp_path / "b" / "1.jpg").write_bytes(b"other")
    assert list(read_sources(f"{tmp_path}/*/1.*", found[::-1], {})) == [b"other", b"x"]
    assert [source.path for source in list_sources(f"{tmp_path}/b/**/*.jpg")] == ["1.jpg", "deep/3.jpg"]
    with pytest.raises(ValueError, match="holds no image file"):
        list_sources(f"{tmp_path}/c/*.jpg")


def test_a_folder_whose_name_looks_like_a_glob_is_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "photos [2020]/1.jpg", "photos.tar/2.jpg")
    assert [source.path for source in list_sources(str(tmp_path / "photos [2020]"))] == ["1.jpg"]
    assert [source.path for source in list_sources(str(tmp_path / "photos.tar"))] == ["2.jpg"]


def test_what_ships_is_told_by_its_url_and_not_by_its_place_on_this_machine() -> None:
    for source in ("embedded://generator", "embedded://generator/"):
        with pytest.raises(ValueError, match=r"^source embedded://generator holds no image file"):
            list_sources(source)
    with pytest.raises(ValueError, match=r"^source embedded://people/nowhere does not exist$"):
        list_sources("embedded://people/nowhere")
    with pytest.raises(ValueError, match=r"^source embedded://generator/\*\.jpg holds no "):
        list_sources("embedded://generator/*.jpg")
    assert list_sources("embedded://people/data/*.parquet") == list_sources("embedded://people/data")
