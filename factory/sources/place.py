"""Where an image's bytes are, and what reading them gives."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from difffas.errors import UnreadableError


class Place(Protocol):
    """Where an image's bytes are: the fields of a `Source` that reading needs."""

    @property
    def path(self) -> str:
        """Unique below the source."""

    @property
    def size(self) -> int:
        """In bytes; 0 where only reading tells it."""

    @property
    def format(self) -> str:
        """Of the container: a name of `FORMATS`."""

    @property
    def file(self) -> str:
        """The file that holds the bytes."""

    @property
    def group(self) -> int:
        """Of Parquet rows; of a video 0."""

    @property
    def at(self) -> int:
        """Row, byte or frame in the file."""

    @property
    def turn(self) -> int:
        """Degrees counter-clockwise to turn a video upright."""


# The bytes of an image file, or upright pixels, uint8 (H, W, 3), or why a frame is no image.
Read = bytes | np.ndarray | UnreadableError
