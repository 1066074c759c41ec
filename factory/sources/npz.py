"""Colour channels of NumPy archives: key `data`, floats in 0 … 1, (1, C, H, W); blue, green and red come first."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from difffas.errors import UnreadableError
from factory.core.regular import NotRegular, TooLarge
from factory.images.limits import OUT, TOO_LARGE, fits
from factory.sources.files import Files

if TYPE_CHECKING:
    from factory.sources.place import Place, Read

MEMBER = "data.npy"
MAX_ARRAY = 1 << 28  # bytes; 22 channels of 320×256 are 7 MB
SHAPE = "data is not (1, C, H, W) of floats with C ≥ 3"


def read(files: Files, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[Read]:
    """Yield images, uint8 (H, W, 3), in order; a file that is not an image gives an UnreadableError in its place."""
    return files.ahead(lambda place: _read(files, place), places)


def _read(files: Files, place: Place) -> np.ndarray | UnreadableError:
    try:
        return _image(files.read(place.file or place.path))
    except (NotRegular, TooLarge) as error:
        return error


def _image(data: bytes) -> np.ndarray | UnreadableError:
    """Return the colour image in an archive. Nothing is unpickled; an array's header limits how much is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(MEMBER) as member:
            version = np.lib.format.read_magic(member)
            header = (np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0)[version[0] - 1]
            shape, fortran, dtype = header(member)
            if dtype.kind != "f" or len(shape) != 4 or shape[0] != 1 or shape[1] < 3 or not math.prod(shape):
                return UnreadableError(SHAPE)
            if math.prod(shape) * dtype.itemsize > MAX_ARRAY or not fits(shape[3], shape[2], OUT):
                return UnreadableError(TOO_LARGE)
            count = math.prod(shape) if fortran else 3 * shape[2] * shape[3]
            values = np.frombuffer(member.read(count * dtype.itemsize), dtype)
    except KeyError:
        return UnreadableError("no array named data")
    except (zipfile.BadZipFile, ValueError, IndexError, EOFError, NotImplementedError, RuntimeError, zlib.error):
        return UnreadableError("broken npz file")
    if len(values) < count:
        return UnreadableError("broken npz file")
    channels = values.reshape(shape, order="F")[0, :3] if fortran else values.reshape(3, *shape[2:])
    if not (np.isfinite(channels).all() and channels.min() >= 0 and channels.max() <= 1):
        return UnreadableError("values outside 0 … 1")
    pixels = np.empty((*channels.shape[1:], OUT), np.uint8)
    for row in range(len(pixels)):  # a large image whole in float64 would take eight times its bytes
        pixels[row] = (channels[::-1, row].astype(np.float64) * 255 + 0.5).astype(np.uint8).T
    return pixels
