"""Where images lie in a shard's file, so that one image can be read by itself. Images are stored uncompressed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from difffas.errors import UserError
from factory.run.record import ShardRecord, read_format

HEAD = 256  # bytes of an image that are searched for: more than the beginning that images of one size share


def places_of(data: bytes, images: Iterable[bytes]) -> list[int] | None:
    """Return offset and length of each image in a file's bytes, alternating; None if an image is not in them.

    Of equal images any place will do: Parquet stores repeated images of a row group once.
    """
    places: list[int] = []
    end = 0
    for image in images:
        offset = _find(data, image, end)
        if offset < 0:
            offset = _find(data, image, 0)
        if offset < 0:
            return None
        places += (offset, len(image))
        end = offset + len(image)
    return places


def places_in(record: ShardRecord) -> np.ndarray | None:
    """Return the places that a ledger record states, int64 (N, 2): offset and length; None if it states none.

    Raises:
        UserError: if they are not those of its rows, or lie beyond its file. A stranger may have written the record.
    """
    if "places" not in record:
        return None
    found = record["places"]
    counts = isinstance(found, list) and all(type(number) is int and 0 <= number < 2**62 for number in found)
    size = record["files"][read_format(record["files"])]["bytes"]
    if counts and len(found) == 2 * record["rows"]:
        places = np.array(found, dtype=np.int64).reshape(-1, 2)
        if (places.sum(axis=1) <= size).all():
            return places
    raise UserError(f"ledger of {record['shard']}: its places are invalid: delete it and run the command again")


def _find(data: bytes, image: bytes, start: int) -> int:
    """The offset of an image from `start` on, or -1: by its beginning, since searching for all of it is slow."""
    offset = data.find(image[:HEAD], start)
    while offset >= 0 and not data.startswith(image, offset):
        offset = data.find(image[:HEAD], offset + 1)
    return offset
