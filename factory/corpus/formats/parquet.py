"""Parquet shards that the Hugging Face Hub, pyarrow, DuckDB and Ray open unmodified."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from difffas.errors import UserError
from factory.corpus.formats.positions import check_positions
from factory.corpus.row import COLUMNS, FACTS, LATER, SCHEMA, Row, to_table, with_later
from factory.tables import plain_parquet

EXTENSION = "parquet"
# One thread: other Arrow threads may still hold the Python file at interpreter exit, which aborts the process.
WHERE = "a corpus file"
_READING = {"use_threads": False}
ROWS_PER_GROUP = 100  # about 3-10 MB at 256²: small enough for the Hub's viewer and for random reads

IMAGE = "image.bytes"
# Encoded images do not compress again; everything else does.
_COMPRESSION = {**dict.fromkeys(FACTS, "zstd"), IMAGE: "none", "image.path": "zstd"}


def to_bytes(rows: list[Row], lives: Mapping[str, bytes] | None = None) -> bytes:
    """Return one Parquet file of `rows`: ~100-row groups, page index, content-defined chunking.

    Live faces are not stored again here: `live_key` names them.
    """
    buffer = io.BytesIO()
    pq.write_table(
        to_table(rows),
        buffer,
        row_group_size=ROWS_PER_GROUP,
        compression=_COMPRESSION,
        write_page_index=True,
        use_content_defined_chunking=True,
    )
    return buffer.getvalue()


def read(file: BinaryIO, positions: Sequence[int] | None = None) -> list[Row]:
    """Return rows at `positions` (all by default), reading only the row groups that hold them."""
    with plain_parquet.one_line(WHERE), plain_parquet.open_file(file, WHERE) as parquet:
        _check(parquet.schema_arrow)
        columns = [name for name in COLUMNS if name in parquet.schema_arrow.names]
        if positions is None:
            return _rows(parquet.read(columns=columns, **_READING))
        check_positions(positions, parquet.metadata.num_rows)
        groups = sorted({position // ROWS_PER_GROUP for position in positions})
        rows: dict[int, Row] = {}
        for group in groups:
            first = group * ROWS_PER_GROUP
            wanted = [position for position in positions if position // ROWS_PER_GROUP == group]
            table = parquet.read_row_group(group, columns=columns, **_READING)
            taken = table.take(pa.array([position - first for position in wanted]))
            rows.update(zip(wanted, _rows(taken), strict=True))
        return [rows[position] for position in positions]


def read_images(file: BinaryIO, group: int) -> list[tuple[int, bytes]]:
    """Return offset in the file and bytes of each image in a row group, which is read once.

    Images are stored uncompressed, so each lies somewhere in its column chunk; Arrow does not say where.
    """
    with plain_parquet.one_line(WHERE), plain_parquet.open_file(file, WHERE) as parquet:
        _check(parquet.schema_arrow)
        facts = parquet.metadata
    chunk = next(
        chunk
        for chunk in (facts.row_group(group).column(number) for number in range(facts.num_columns))
        if chunk.path_in_schema == IMAGE
    )
    # Repeated image files are stored once, in the dictionary at the beginning.
    start = min(chunk.data_page_offset, chunk.dictionary_page_offset or chunk.data_page_offset)
    file.seek(start)
    stored = file.read(chunk.total_compressed_size)
    with (
        plain_parquet.one_line(WHERE),
        plain_parquet.open_file(_Stretch(start, stored), WHERE, metadata=facts) as parquet,
    ):
        column = parquet.read_row_group(group, columns=[IMAGE], **_READING).column("image")
    images = [item["bytes"] for item in column.to_pylist()]
    places: list[int] = []
    end = 0
    for image in images:
        place = stored.find(image, end)
        place = place if place >= 0 else stored.find(image)
        if place < 0:
            raise UserError("a corpus file keeps its images compressed: it was not written by `difffas prepare`")
        places.append(start + place)
        end = place + len(image)
    return list(zip(places, images, strict=True))


class _Stretch(io.RawIOBase):
    """A file of which only one stretch is available."""

    def __init__(self, start: int, stored: bytes) -> None:
        self._start, self._stored, self._position = start, stored, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        ends = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._start + len(self._stored)}
        self._position = ends[whence] + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        assert self._position >= self._start, "Arrow has the footer and reads this column alone"
        first = self._position - self._start
        data = self._stored[first : first + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def read_facts(file: BinaryIO) -> pa.Table:
    """Return every column but the pixels, as an Arrow table in schema order."""
    with plain_parquet.one_line(WHERE), plain_parquet.open_file(file, WHERE) as parquet:
        _check(parquet.schema_arrow)
        columns = [name for name in FACTS if name in parquet.schema_arrow.names]
        return with_later(parquet.read(columns=columns, **_READING).select(columns))


def _check(schema: pa.Schema) -> None:
    missing = [name for name in SCHEMA.names if name not in (*schema.names, *LATER)]
    if missing:
        raise UserError(f"missing column {missing[0]!r} in a corpus file: it was not written by `difffas prepare`")


def _rows(table: pa.Table) -> list[Row]:
    """Return the rows of a table; a null image becomes empty bytes, which are a reject when decoded."""
    return [Row(**{**item, "image": (item["image"] or {}).get("bytes") or b""}) for item in table.to_pylist()]
