"""A table beside a corpus that holds further facts about its images; `key` joins it with the index.

Workers write a part for every shard before the shard is committed; closing the corpus joins the parts. A corpus joined
from several has the tables of all.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from difffas.errors import UserError
from factory.run.ledger import Ledger
from factory.storage import Storage
from factory.tables import plain_parquet


@dataclasses.dataclass(frozen=True)
class SideTable:
    """One such table.

    Args:
        name: the table's file in the corpus folder; its parts are in the folder of that name without the extension.
        schema: the columns; a line may leave any of them out.
    """

    name: str
    schema: pa.Schema

    @property
    def folder(self) -> str:
        """The folder of the parts."""
        return self.name.partition(".")[0]

    def write_part(self, url: str, shard: str, lines: Sequence[Mapping[str, object]]) -> None:
        """Write the part of a shard into the folder of the corpus, unless it exists."""
        Storage(url).create(self._part(shard), self._bytes([pa.Table.from_pylist(list(lines), self.schema)]))

    def join_parts(self, storage: Storage, shards: Iterable[str]) -> None:
        """Write the table from the parts of these shards, unless it exists; shards without a part have no lines."""
        there = set(storage.names(self.folder))
        if not storage.exists(self.name):
            parts = [self._part(shard) for shard in shards if f"{shard}.parquet" in there]
            storage.create(self.name, self._bytes(self._read(storage, part) for part in parts))

    def join_all_parts(self, storage: Storage, shards: Iterable[str]) -> None:
        """Do as `join_parts`, for a table that has a line for every image.

        Raises:
            UserError: if the part of a shard with images is gone.
        """
        there = set(storage.names(self.folder))
        if not storage.exists(self.name):
            for record in Ledger(storage).records():
                shard = record["shard"]
                if record["rows"] and f"{shard}.parquet" not in there:
                    raise UserError(
                        f"{self._part(shard)} is gone: delete ledger/{shard}.json and run the command again"
                    )
        self.join_parts(storage, shards)

    def concatenate(self, storage: Storage, sources: Sequence[Storage]) -> None:
        """Write the table from those of other corpora, unless it exists or one of these corpora has none."""
        if not storage.exists(self.name) and all(source.exists(self.name) for source in sources):
            storage.create(self.name, self._bytes(self._read(source, self.name) for source in sources))

    def read(self, storage: Storage) -> pa.Table | None:
        """Return the table of a corpus, or None if it has none."""
        return self._read(storage, self.name) if storage.exists(self.name) else None

    def _part(self, shard: str) -> str:
        return f"{self.folder}/{shard}.parquet"

    def _bytes(self, tables: Iterable[pa.Table]) -> bytes:
        buffer = io.BytesIO()
        with pq.ParquetWriter(buffer, self.schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)
        return buffer.getvalue()

    def _read(self, storage: Storage, place: str) -> pa.Table:
        memory = pa.BufferOutputStream()  # Arrow's own memory, see corpus.read_index
        memory.write(storage.read(place))
        with pa.BufferReader(memory.getvalue()) as file:
            return plain_parquet.read_table(file, storage.path(place)).cast(self.schema)
