"""Frames of HDF5 files and colour channels of NumPy archives."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from factory.sources import Files, Source, hdf5, npz, read_sources
from factory.sources.hdf5 import list_frames
from factory.sources.video import Frames
from tests.factory.datasets.trees import frame, write_hdf5, write_npz


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


def colour(path: Path) -> Any:
    [found] = read_sources(str(path.parent), [Source(path.name, 1, format="npz", file=path.name)], {})
    return found


def test_colour_channels_are_blue_green_red(tmp_path: Path) -> None:
    pixels = colour(write_npz(tmp_path / "a.npz"))
    assert pixels.shape == (320, 256, 3) and pixels.dtype == np.uint8 and pixels.flags.c_contiguous
    assert (pixels == (255, 128, 64)).all()
    assert (colour(write_npz(tmp_path / "b.npz", channels=3)) == (255, 128, 64)).all()


def test_channels_in_any_float_and_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = rng.uniform(size=(1, 5, 6, 4))
    arrays: list[Any] = [data, data.astype(np.float16), np.asfortranarray(data.astype(np.float32))]
    for number, array in enumerate(arrays):
        np.savez(tmp_path / f"{number}.npz", data=array)
        expected = (array[0, 2::-1].astype(float) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)
        assert (colour(tmp_path / f"{number}.npz") == expected).all()


def with_header(path: Path, header: dict[str, Any], data: bytes = b"") -> Path:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, header)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", buffer.getvalue() + data)
    return path


class Planted:
    """What a pickle may do to whoever loads it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('a pickle was loaded')",)


def test_archives_that_are_none_are_rejects(tmp_path: Path) -> None:
    shape = "data is not (1, C, H, W) of floats with C ≥ 3"
    np.savez(tmp_path / "other.npz", images=np.zeros((1, 3, 4, 4)))
    assert str(colour(tmp_path / "other.npz")) == "no array named data"
    for array in (
        np.zeros((3, 4, 4)),
        np.zeros((1, 2, 4, 4)),
        np.zeros((2, 3, 4, 4)),
        np.zeros((1, 3, 4, 4), np.uint8),
    ):
        np.savez(tmp_path / "shape.npz", data=array)
        assert str(colour(tmp_path / "shape.npz")) == shape
    for value in (np.nan, -0.5, 1.5, np.inf):
        np.savez(tmp_path / "values.npz", data=np.full((1, 3, 4, 4), value))
        assert str(colour(tmp_path / "values.npz")) == "values outside 0 … 1"
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "text.npz").write_bytes(b"no archive")
    whole = write_npz(tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    header = {"shape": (1, 3, 50, 50), "fortran_order": False, "descr": "<f4"}
    with_header(tmp_path / "short.npz", header, bytes(100))
    for name in ("empty", "text", "cut", "short"):
        assert str(colour(tmp_path / f"{name}.npz")) == "broken npz file", name


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    array = np.empty((1, 3, 1, 1), object)
    array[:] = Planted()
    np.savez(tmp_path / "a.npz", data=array)
    assert str(colour(tmp_path / "a.npz")).startswith("data is not")
    header = {"shape": (1, 3, 1, 1), "fortran_order": False, "descr": "|O"}
    with_header(tmp_path / "b.npz", header, pickle.dumps(Planted()))
    assert str(colour(tmp_path / "b.npz")).startswith("data is not")
    (tmp_path / "c.npz").write_bytes(pickle.dumps(Planted()))
    assert str(colour(tmp_path / "c.npz")) == "broken npz file"


def test_what_would_unpack_to_too_much(tmp_path: Path) -> None:
    header = {"shape": (1, 3, 1 << 20, 1 << 20), "fortran_order": False, "descr": "<f4"}
    assert str(colour(with_header(tmp_path / "a.npz", header))) == "image too large"
    assert npz.MAX_ARRAY < 1 << 30
    zeros = with_header(tmp_path / "b.npz", {**header, "shape": (1, 3, 4, 4)}, bytes(1 << 26))
    assert zeros.stat().st_size < 100_000
    assert colour(zeros).shape == (4, 4, 3), "no more is unpacked than the header says"
