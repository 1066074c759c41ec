"""Frames of HDF5 files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from factory.sources import Files, Source, hdf5, read_sources
from factory.sources.hdf5 import list_frames
from factory.sources.video import Frames
from tests.factory.datasets.trees import frame, write_hdf5


def numbers(path: Path, frames: Frames) -> list[int]:
    files = Files(str(path.parent))
    return list_frames(files, next(file for file in files.find() if file.name == path.name), frames)


def read(path: Path, wanted: list[int]) -> list[Any]:
    places = [Source(f"{path.name}/{n}", 0, format="hdf5", file=path.name, group=0, at=n) for n in wanted]
    return list(read_sources(str(path.parent), places, {}))


def test_frames_are_exact_and_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "a.hdf5", range(12))
    assert numbers(path, Frames(4)) == [1, 4, 7, 10]
    found = read(path, [1, 10, 11])
    assert all((pixels == frame(n, 128, 128)).all() for pixels, n in zip(found, [1, 10, 11], strict=True))
    sparse = write_hdf5(tmp_path / "b.h5", [30, 4, 100])
    assert numbers(sparse, Frames(8)) == [4, 30, 100]
    [pixels] = read(sparse, [100 - 70])
    assert (pixels == frame(30, 128, 128)).all()


def odd_frames(path: Path, elsewhere: Path) -> dict[int, str]:
    """A file of frames that must not be read, with the reasons."""
    with h5py.File(elsewhere, "w") as file:
        file["secret"] = np.zeros((3, 8, 8), np.uint8)
        file["group/array"] = np.zeros((3, 8, 8), np.uint8)
    elsewhere.with_suffix(".raw").write_bytes(bytes(3 * 8 * 8))
    with h5py.File(path, "w") as file:
        file.create_group("Frame_0")["array"] = np.zeros((3, 8, 8), np.uint8)
        file.create_group("Frame_1")["array"] = h5py.ExternalLink(str(elsewhere), "secret")
        file["Frame_2"] = h5py.ExternalLink(str(elsewhere), "group")
        file.create_group("Frame_3")["array"] = h5py.SoftLink("/Frame_0/array")
        raw = [(str(elsewhere.with_suffix(".raw")), 0, 3 * 8 * 8)]
        file.create_group("Frame_4").create_dataset("array", (3, 8, 8), np.uint8, external=raw)
        layout = h5py.VirtualLayout((3, 8, 8), np.uint8)
        layout[:] = h5py.VirtualSource(str(elsewhere), "secret", (3, 8, 8))
        file.create_group("Frame_5").create_virtual_dataset("array", layout)
        file.create_group("Frame_6").create_dataset("array", (3, 60_000, 60_000), np.uint8, compression="gzip")
        chunked: dict[str, Any] = {"chunks": (3, 60_000, 60_000), "maxshape": (3, None, None), "compression": "gzip"}
        file.create_group("Frame_7").create_dataset("array", (3, 8, 8), np.uint8, **chunked)
        file.create_group("Frame_8")["array"] = np.zeros((3, 8, 8), np.float32)
        file.create_group("Frame_9")["array"] = np.zeros((8, 8), np.uint8)
        file.create_group("Frame_10")["array"] = np.zeros((4, 8, 8), np.uint8)
        file.create_group("Frame_11")["array"] = np.zeros((3, 0, 8), np.uint8)
        file.create_group("Frame_12")
        file["Frame_13"] = np.zeros((3, 8, 8), np.uint8)
        file.create_group("Frame_14").create_group("array")
    link, shape = "link to another file", "frame is not uint8 (3, H, W)"
    return {
        **dict.fromkeys((1, 2, 4, 5), link),
        **dict.fromkeys((6, 7), "image too large"),
        **dict.fromkeys((8, 9, 10, 11), shape),
        **dict.fromkeys((3, 12, 13, 14, 15), "broken frame"),
    }


def test_frames_that_are_none_are_rejects_each(tmp_path: Path) -> None:
    reasons = odd_frames(tmp_path / "a.hdf5", tmp_path / "elsewhere.hdf5")
    found = read(tmp_path / "a.hdf5", [0, *sorted(reasons)])
    assert found[0].shape == (8, 8, 3)
    assert {n: str(error) for n, error in zip(sorted(reasons), found[1:], strict=True)} == reasons


@pytest.mark.parametrize("content", [b"", b"no HDF5 file", None])
def test_a_broken_file(tmp_path: Path, content: bytes | None) -> None:
    path = write_hdf5(tmp_path / "a.hdf5")
    path.write_bytes(path.read_bytes()[:3000] if content is None else content)
    with pytest.raises(ValueError, match="broken HDF5 file"):
        numbers(path, Frames(2))
    assert [str(error) for error in read(path, [0, 1])] == ["broken HDF5 file"] * 2


def test_a_file_without_frames_and_one_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_hdf5(tmp_path / "a.hdf5", [])
    with pytest.raises(ValueError, match="no frames"):
        numbers(path, Frames(2))
    monkeypatch.setattr(hdf5, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="file too large"):
        numbers(path, Frames(2))


def test_a_file_that_is_gone_is_no_broken_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent.hdf5", [0])
