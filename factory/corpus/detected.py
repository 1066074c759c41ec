"""What the face detector saw in the source image of each row: a table beside the corpus, joined by `key`.

Workers write a part for every shard before the shard is committed; closing the corpus joins the parts. A corpus that
was cut without a detector, or by an older version, has no such table.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TypedDict

import pyarrow as pa
import pyarrow.parquet as pq

from factory.storage import Storage
from factory.tables import plain_parquet

DETECTED = "faces.parquet"
PARTS = "faces"  # folder
SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("reject", pa.string()),  # null: the image is a row
        ("faces", pa.int64()),  # number of faces found, 0 for none: then all below is null
        ("score", pa.float64()),
        ("x", pa.float64()),  # the box, in pixels of the upright source image
        ("y", pa.float64()),
        ("width", pa.float64()),
        ("height", pa.float64()),
        ("roll", pa.float64()),  # degrees clockwise, −180 to 180
        ("turned", pa.float64()),  # degrees counter-clockwise by which the image was turned before it was cut
        ("brightness", pa.float64()),  # 95th percentile of luma in the box, 0 to 255
        ("contrast", pa.float64()),  # of the least structured of eyes and mouth, in parts of the box's contrast
    ]
)


class Detected(TypedDict, total=False):
    """The facts of one image: a line of `SCHEMA`."""

    key: str
    reject: str | None
    faces: int
    score: float
    x: float
    y: float
    width: float
    height: float
    roll: float
    turned: float
    brightness: float
    contrast: float


def write_part(url: str, shard: str, lines: list[Detected]) -> None:
    """Write the part of a shard into the folder of the corpus, unless it exists."""
    Storage(url).create(_part(shard), _bytes([pa.Table.from_pylist(lines, SCHEMA)]))


def join_parts(storage: Storage, shards: Iterable[str]) -> None:
    """Write `DETECTED` from the parts of these shards, unless it exists; shards without a part have no lines."""
    there = set(storage.names(PARTS))
    if not storage.exists(DETECTED):
        storage.create(
            DETECTED, _bytes(_read(storage, _part(shard)) for shard in shards if f"{shard}.parquet" in there)
        )


def _part(shard: str) -> str:
    return f"{PARTS}/{shard}.parquet"


def _bytes(tables: Iterable[pa.Table]) -> bytes:
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, SCHEMA, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
    return buffer.getvalue()


def _read(storage: Storage, place: str) -> pa.Table:
    memory = pa.BufferOutputStream()  # Arrow's own memory, see corpus.read_index
    memory.write(storage.read(place))
    with pa.BufferReader(memory.getvalue()) as file:
        return plain_parquet.read_table(file, storage.path(place)).cast(SCHEMA)
