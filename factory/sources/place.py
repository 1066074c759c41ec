"""The place of an image's bytes, and the result of reading them."""

from __future__ import annotations

import typing

import numpy as np

from difffas.errors import UnreadableError


class Place(typing.Protocol):
    """The place of an image's bytes: the fields of a `Source` that reading needs."""

    @property
    def path(self) -> str:
        """Path of the image, unique below the source."""

    @property
    def size(self) -> int:
        """Size in bytes; 0 if only reading tells it."""

    @property
    def format(self) -> str:
        """Kind of the container: a name in `READERS`."""

    @property
    def file(self) -> str:
        """Name of the file that holds the bytes."""

    @property
    def group(self) -> int:
        """Row group of a Parquet row; 0 for a video."""

    @property
    def at(self) -> int:
        """Number of the row, byte or frame in the file."""

    @property
    def turn(self) -> int:
        """Degrees counter-clockwise that turn a video upright."""


# The bytes of an image file, or upright pixels, uint8 (H, W, 3), or the reason why a frame is unusable.
Read = bytes | np.ndarray | UnreadableError
