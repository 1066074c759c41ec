"""The ledger of finished shards: one small JSON record per shard, written after its files and never changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from difffas.errors import UserError
from factory.core.config import canonical_json
from factory.run.reading import read_json
from factory.run.record import SHARD, ShardRecord, fault_of
from factory.storage import Storage

FOLDER = "ledger"
THREADS, CHUNK = 16, 1024  # CHUNK bounds the records in memory at a time


class Ledger:
    """The records of one output folder. Readers rely on these and never list `data/`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def done(self) -> set[str]:
        """Return the names of the finished shards, by one listing."""
        return {name.removesuffix(".json") for name in self._storage.names(FOLDER) if name.endswith(".json")}

    def read(self, shard: str) -> ShardRecord:
        """Return the record of a finished shard.

        Raises:
            UserError: if the record is incomplete or names another shard; this software never writes such records.
        """
        if not SHARD.fullmatch(shard):  # the name comes from an index or from a file in the ledger
            raise UserError(f"{self._storage.url}: {shard!r} is not the name of a shard: write the corpus again")
        name, mend = f"{FOLDER}/{shard}.json", "delete it and run the command again"
        try:
            found = read_json(self._storage, name, mend)
        except FileNotFoundError:
            raise UserError(
                f"{self._storage.path(name)} does not exist: bring it back from a copy, or write the corpus again"
            ) from None
        if fault := fault_of(found):
            raise UserError(f"{self._storage.path(name)} is not a valid shard record ({fault}): {mend}")
        record = cast(ShardRecord, found)
        if record["shard"] != shard:
            raise UserError(f"{self._storage.path(name)} is the record of {record['shard']}, not of {shard}")
        return record

    def records(self, known: Collection[str] = ()) -> Iterator[ShardRecord]:
        """Yield records in shard order without the known ones; threads read ahead, as S3 needs a request for each."""
        shards = sorted(self.done().difference(known))
        with ThreadPoolExecutor(THREADS) as pool:
            for first in range(0, len(shards), CHUNK):
                yield from pool.map(self.read, shards[first : first + CHUNK])

    def commit(self, shard: str, record: ShardRecord) -> ShardRecord:
        """Commit `record` and return the record that the ledger holds: another driver's if that one was first."""
        if self._storage.create(f"{FOLDER}/{shard}.json", canonical_json(record).encode()):
            return record
        return self.read(shard)
