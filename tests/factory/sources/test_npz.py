"""Colour channels of NumPy archives."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from factory.sources import Source, npz, read_sources
from tests.factory.datasets.trees import write_npz


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
