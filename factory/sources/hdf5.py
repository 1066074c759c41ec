"""Frames of HDF5 files as bob writes them: each frame is a group `Frame_<n>` with an `array`, uint8 (3, H, W)."""

from __future__ import annotations

import io
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from difffas.errors import UnreadableError, UserError
from factory.core.regular import NotRegular, TooLarge
from factory.images.limits import MAX_PIXELS, OUT, TOO_LARGE, fits
from factory.sources.files import File, Files
from factory.sources.video import MAX_BYTES, Frames

if TYPE_CHECKING:
    from factory.sources.place import Place, Read

GROUP = re.compile(r"Frame_(\d{1,9})")


def list_frames(files: Files, file: File, frames: Frames) -> list[int]:
    """Return the numbers `<n>` of the groups that represent a file, in numerical order.

    Raises:
        OSError: if the file cannot be read.
        UserError: if h5py is not installed.
        UnreadableError: with the reason why the file is unusable: `broken HDF5 file`, `no frames`, `file too large`
            (1 GiB).
    """
    h5py = needed()
    if file.size > MAX_BYTES:
        raise UnreadableError("file too large")
    with files.open(file.name) as stream:
        stream.read(1)  # so that an unreadable file raises OSError and does not look broken
        try:
            with h5py.File(stream, "r") as groups:
                numbers = sorted(int(found[1]) for name in groups if (found := GROUP.fullmatch(name)))
        except (OSError, RuntimeError, KeyError, UnicodeError):
            raise UnreadableError("broken HDF5 file") from None
    if not numbers:
        raise UnreadableError("no frames")
    return [numbers[place] for place in frames.of(len(numbers))]


def read(files: Files, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[Read]:
    """Yield frames, uint8 (H, W, 3), in order.

    A frame that links elsewhere, or has another shape or type, gives an UnreadableError; so does every frame of a
    broken file.
    """
    h5py = needed()
    for name, run in itertools.groupby(places, key=lambda place: place.file):
        numbers = [place.at for place in run]
        try:
            data = io.BytesIO(files.read(name))
        except (NotRegular, TooLarge) as error:
            yield from [error] * len(numbers)
            continue
        try:
            with h5py.File(data, "r") as frames:
                yield from [_frame(h5py, frames, number) for number in numbers]
        except (OSError, RuntimeError):
            yield from [UnreadableError("broken HDF5 file")] * len(numbers)


def _frame(h5py: Any, frames: Any, number: int) -> np.ndarray | UnreadableError:
    """Return one frame; first rule out frames that would read other files, or unpack to more than an image."""
    try:
        group = _child(h5py, frames, f"Frame_{number}", h5py.Group)
        array = _child(h5py, group, "array", h5py.Dataset)
        if array.external or array.is_virtual:
            return UnreadableError("link to another file")
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[0] != 3:
            return UnreadableError("frame is not uint8 (3, H, W)")
        if not fits(array.shape[2], array.shape[1], 2 * OUT) or math.prod(array.chunks or ()) > OUT * MAX_PIXELS:
            return UnreadableError(TOO_LARGE)
        if not array.size:
            return UnreadableError("frame is not uint8 (3, H, W)")
        return np.ascontiguousarray(array[()].transpose(1, 2, 0))
    except UnreadableError as error:
        return error
    except (OSError, RuntimeError, KeyError):
        return UnreadableError("broken frame")


def _child(h5py: Any, parent: Any, name: str, kind: type) -> Any:
    link = parent.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink | h5py.SoftLink):
        raise UnreadableError("link to another file" if isinstance(link, h5py.ExternalLink) else "broken frame")
    child = parent[name]
    if not isinstance(child, kind):
        raise UnreadableError("broken frame")
    return child


def needed() -> Any:
    """Return h5py; raises UserError if it is not installed."""
    try:
        import h5py
    except ImportError as error:
        raise UserError(f"HDF5 files need h5py: pip install 'difffas-factory[datasets]' ({error})") from None
    return h5py
