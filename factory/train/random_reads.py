"""Read images of shards at random positions and keep them in memory: a corpus that fits is read and decoded once.

The ledger says where each image of a shard lies in its file. So an image costs only its own bytes, the first time too,
and the process keeps 16 bytes for its place. Shards of older versions have no places in the ledger and are read in
groups: a Parquet file by row group, a tar file as a whole. There the first image that a process asks for costs its
whole group, and an image evicted from memory costs its own bytes.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from factory.core.recent import Recent
from factory.corpus import shard_places
from factory.corpus.formats.positions import check_positions
from factory.corpus.shards import FORMATS
from factory.images import decode
from factory.storage import Storage

GAP = 2**12  # bytes between two images of a file that are read along rather than asked for separately
ENCODED_BYTES = DECODED_BYTES = 2**28  # bytes of images that each reading process keeps, as files and as pixels
REQUESTS = 16  # concurrent requests to an object store


class Encoded:
    """Encoded images of a corpus's shards, by shard and position. Shards never change."""

    def __init__(self, room: int) -> None:
        self._recent: Recent[tuple[str, str, int], bytes] = Recent(room, len)
        self._groups: dict[tuple[str, str, int], np.ndarray] = {}  # offset and length of each image, N, 2

    def __call__(self, url: str, shard: str, positions: Sequence[int]) -> list[bytes]:
        """Files of the images at these positions of a shard."""
        found = {position: self._recent.get((url, shard, position)) for position in positions}
        missing = [position for position, data in found.items() if data is None]
        for position, data in self._read(url, shard, missing) if missing else ():
            found[position] = data
        return [data for data in (found[position] for position in positions) if data is not None]

    def _read(self, url: str, shard: str, positions: Sequence[int]) -> Iterable[tuple[int, bytes]]:
        _, path, places = _shard_places(url, shard)
        if places is not None:
            check_positions(positions, len(places))
            read = dict(zip(positions, _ranges(_storage(url), path, places[list(positions)].tolist()), strict=True))
        else:
            read = self._read_groups(url, shard, positions)
        for position, data in read.items():  # of a group neighbours too: they will be asked for
            self._recent.put((url, shard, position), data)
        return [(position, read[position]) for position in positions]

    def _read_groups(self, url: str, shard: str, positions: Sequence[int]) -> dict[int, bytes]:
        """Images at these positions of a shard of an older version, and all others of the groups that are new."""
        name, path, _ = _shard_places(url, shard)
        rows = FORMATS[name].ROWS_PER_GROUP
        read: dict[int, bytes] = {}
        for group in sorted({position // rows for position in positions}):
            if (url, shard, group) not in self._groups:
                read |= self._first_look(url, shard, group)
        known = [position for position in positions if position not in read]
        places = [self._groups[url, shard, position // rows][position % rows].tolist() for position in known]
        return read | dict(zip(known, _ranges(_storage(url), path, places), strict=True))

    def _first_look(self, url: str, shard: str, group: int) -> dict[int, bytes]:
        """All images of a group, by position in the shard."""
        name, path, _ = _shard_places(url, shard)
        with _storage(url).open(path) as file:
            images = FORMATS[name].read_images(file, group)
        self._groups[url, shard, group] = np.array([(offset, len(data)) for offset, data in images], dtype=np.int64)
        first = group * FORMATS[name].ROWS_PER_GROUP
        return {first + number: data for number, (_, data) in enumerate(images)}


class Decoded:
    """Decoded images of shards, cached on top of their encoded files."""

    def __init__(self, room: int, encoded: Encoded) -> None:
        self._recent: Recent[tuple[str, str, int], np.ndarray] = Recent(room, lambda image: image.nbytes)
        self._encoded = encoded

    def __call__(self, url: str, shard: str, positions: Sequence[int]) -> list[np.ndarray]:
        """Images at these positions of a shard, uint8 (H, W, 3); do not write to them."""
        found = {position: self._recent.get((url, shard, position)) for position in positions}
        missing = [position for position, image in found.items() if image is None]
        for position, data in zip(missing, self._encoded(url, shard, missing), strict=True):
            image = found[position] = decode(data)
            self._recent.put((url, shard, position), image)
        return [image for image in (found[position] for position in positions) if image is not None]


def _ranges(storage: Storage, path: str, places: list[tuple[int, int]]) -> list[bytes]:
    """Byte ranges (offset, length) of a file; neighbours in one request, and requests to a store concurrently."""
    spans = _spans(places)
    if len(spans) < 2 or storage.folder:
        read = [storage.read(path, start, end) for start, end in spans]
    else:
        with ThreadPoolExecutor(REQUESTS) as pool:
            read = list(pool.map(lambda span: storage.read(path, *span), spans))
    starts = [start for start, _ in spans]
    found = []
    for offset, length in places:
        span = bisect.bisect_right(starts, offset) - 1
        first = offset - starts[span]
        found.append(read[span][first : first + length])
    return found


def _spans(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The stretches (start, end) of a file, in order, that hold these ranges; ranges closer than `GAP` share one."""
    spans: list[tuple[int, int]] = []
    for offset, length in sorted(places):
        if spans and offset <= spans[-1][1] + GAP:
            spans[-1] = spans[-1][0], max(spans[-1][1], offset + length)
        else:
            spans.append((offset, offset + length))
    return spans


@functools.lru_cache(maxsize=8)
def _storage(url: str) -> Storage:
    """One connection per process."""
    return Storage(url)


@functools.lru_cache(maxsize=1 << 16)
def _shard_places(url: str, shard: str) -> tuple[str, str, np.ndarray | None]:
    return shard_places(_storage(url), shard)


images_at = Decoded(DECODED_BYTES, Encoded(ENCODED_BYTES))  # shared by this process
