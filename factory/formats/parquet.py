"""Parquet shards that the Hugging Face Hub, pyarrow, DuckDB and Ray open unmodified."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from factory.row import COLUMNS, FACTS, SCHEMA, Row, to_table

EXTENSION = "parquet"
# One thread: others of Arrow's may still hold the Python file when the interpreter ends, which aborts the process.
_READING = {"use_threads": False}
ROWS_PER_GROUP = 100  # about 3-10 MB at 256²: what the Hub's viewer and a random reader can afford

# Encoded images do not compress again; everything else does.
_COMPRESSION = {**dict.fromkeys(FACTS, "zstd"), "image.bytes": "none", "image.path": "zstd"}


def to_bytes(rows: list[Row], lives: Mapping[str, bytes] | None = None) -> bytes:
    """One Parquet file of `rows`: ~100-row groups, page index, content-defined chunking.

    Live faces are not repeated here: `live_key` names them.
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
    """Rows at `positions` (all by default), touching only the row groups that hold them."""
    with pq.ParquetFile(file) as parquet:
        _check(parquet.schema_arrow)
        if positions is None:
            return _rows(parquet.read(columns=list(COLUMNS), **_READING))
        groups = sorted({position // ROWS_PER_GROUP for position in positions})
        rows: dict[int, Row] = {}
        for group in groups:
            first = group * ROWS_PER_GROUP
            wanted = [position for position in positions if position // ROWS_PER_GROUP == group]
            table = parquet.read_row_group(group, columns=list(COLUMNS), **_READING)
            taken = table.take(pa.array([position - first for position in wanted]))
            rows.update(zip(wanted, _rows(taken), strict=True))
        return [rows[position] for position in positions]


def read_facts(file: BinaryIO) -> pa.Table:
    """Every column but the pixels, as an Arrow table in schema order."""
    with pq.ParquetFile(file) as parquet:
        _check(parquet.schema_arrow)
        return parquet.read(columns=list(FACTS), **_READING).select(list(FACTS))


def _check(schema: pa.Schema) -> None:
    missing = [name for name in SCHEMA.names if name not in schema.names]
    if missing:
        raise ValueError(f"missing column {missing[0]!r} in a corpus file: it was not written by `difffas prepare`")


def _rows(table: pa.Table) -> list[Row]:
    return [Row(**{**item, "image": item["image"]["bytes"]}) for item in table.select(list(COLUMNS)).to_pylist()]
