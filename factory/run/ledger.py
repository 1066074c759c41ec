"""What is done: one small JSON record per shard, written after the shard's files and never changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from difffas.errors import UserError
from factory.core.config import canonical_json
from factory.run.reading import read_json
from factory.run.record import SHARD, fault_of
from factory.storage import Storage

FOLDER = "ledger"
THREADS, CHUNK = 16, 1024  # the second bounds what is in memory at a time


class Ledger:
    """The records of one output folder. Readers go by these, never by listing `data/`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def done(self) -> set[str]:
        """Names of the finished shards: one listing."""
        return {name.removesuffix(".json") for name in self._storage.names(FOLDER) if name.endswith(".json")}

    def read(self, shard: str) -> dict[str, Any]:
        """The record of a finished shard.

        Raises:
            ValueError: if it is no whole record, or that of another shard; nothing of ours writes such.
        """
        if not SHARD.fullmatch(shard):  # of an index, or a file in the ledger
            raise UserError(f"{self._storage.url}: {shard!r} is not the name of a shard: write the corpus again")
        name, mend = f"{FOLDER}/{shard}.json", "delete it and run the command again"
        try:
            record = read_json(self._storage, name, mend)
        except FileNotFoundError:
            raise UserError(
                f"{self._storage.path(name)} does not exist: bring it back from a copy, or write the corpus again"
            ) from None
        if fault := fault_of(record):
            raise UserError(f"{self._storage.path(name)} is not a valid shard record ({fault}): {mend}")
        if record["shard"] != shard:
            raise UserError(f"{self._storage.path(name)} is the record of {record['shard']}, not of {shard}")
        return record

    def records(self, known: Collection[str] = ()) -> Iterator[dict[str, Any]]:
        """Records in shard order but for the known ones, read ahead by threads: on S3 each is a request of its own."""
        shards = sorted(self.done().difference(known))
        with ThreadPoolExecutor(THREADS) as pool:
            for first in range(0, len(shards), CHUNK):
                yield from pool.map(self.read, shards[first : first + CHUNK])

    def commit(self, shard: str, record: dict[str, Any]) -> dict[str, Any]:
        """Publish `record`; if another driver was first, return the record that stands."""
        if self._storage.create(f"{FOLDER}/{shard}.json", canonical_json(record).encode()):
            return record
        return self.read(shard)
