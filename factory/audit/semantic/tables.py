"""The rows that are compared, and the tables that hold their vectors: one for each shard of a corpus."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from factory.audit.semantic.vectors import from_bytes, to_bytes
from factory.line.walk import place_of
from factory.storage import Storage
from factory.tables import plain_parquet

VECTORS = "semantic/vectors"  # folder


@dataclasses.dataclass(frozen=True)
class VectorTables:
    """The vectors of N rows, number by number in tables that follow one another.

    Args:
        url: folder of the audit. names: the tables. starts: int64 (tables + 1,), the first row of each, and N.
    """

    url: str
    names: Sequence[str]
    starts: np.ndarray

    @property
    def rows(self) -> int:
        """N."""
        return int(self.starts[-1])

    def read(self, table: int) -> np.ndarray:
        """The vectors of one table, int16 (n, D)."""
        return read_vectors(Storage(self.url), self.names[table])

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """The vectors of some rows in their order, int16 (len(rows), D); one table is in memory at a time."""
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        cuts = np.searchsorted(ordered, self.starts)
        found: np.ndarray | None = None
        for table in np.flatnonzero(np.diff(cuts)):
            part = slice(cuts[table], cuts[table + 1])
            vectors = self.read(int(table))
            if found is None:
                found = np.empty((len(rows), vectors.shape[1]), np.int16)
            found[order[part]] = vectors[ordered[part] - self.starts[table]]
        return np.empty((0, 1), np.int16) if found is None else found

    def runs(self, rows: int) -> dict[str, tuple[int, int]]:
        """Tables that follow one another with at least so many rows together, by name: the first, and one past."""
        found, first = dict[str, tuple[int, int]](), 0
        for table in range(len(self.names)):
            if self.starts[table + 1] - self.starts[first] >= rows or table + 1 == len(self.names):
                found[f"{len(found):06d}"] = (first, table + 1)
                first = table + 1
        return found


def vector_table(keys: Sequence[str], vectors: np.ndarray) -> bytes:
    """A table of whole vectors (n, D) as a Parquet file: key, and the vector's bytes."""
    kind = pa.binary(2 * vectors.shape[1])
    column = pa.FixedSizeBinaryArray.from_buffers(kind, len(vectors), [None, pa.py_buffer(to_bytes(vectors))])
    buffer = io.BytesIO()
    table = pa.table({"key": pa.array(keys, pa.string()), "vector": column})
    pq.write_table(table, buffer, compression="none", use_dictionary=False, write_statistics=False)
    return buffer.getvalue()


def read_vectors(storage: Storage, name: str) -> np.ndarray:
    """The vectors that `vector_table` wrote; int16 (n, D)."""
    place = place_of(VECTORS, name)
    memory = pa.BufferOutputStream()  # Arrow's own memory, see corpus.read_index
    memory.write(storage.read(place))
    with pa.BufferReader(memory.getvalue()) as file:
        column = plain_parquet.read_table(file, storage.path(place), columns=["vector"])["vector"].combine_chunks()
    width, start = column.type.byte_width, column.offset
    data = memoryview(column.buffers()[1])[start * width : (start + len(column)) * width]
    return from_bytes(data, len(column))
