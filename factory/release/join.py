"""Join several corpora into one, such as the training data sets of a protocol. Shards are copied byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from pydantic import Field

from difffas.errors import UserError
from factory.cards import write_corpus_card
from factory.core.config import Config, PathOrUrl
from factory.core.progress import say
from factory.corpus import Corpus, Totals, totals, write_index
from factory.corpus.detected import FACES
from factory.corpus.scenes import SCENES
from factory.run import Planned, Run
from factory.run.ledger import Ledger
from factory.run.record import JoinedFrom, ShardFile, ShardRecord
from factory.storage import Storage

PREFIX = "joined"
THREADS = 8


class JoinConfig(Config):
    """The corpora; their shards are numbered consecutively in this order."""

    corpora: tuple[PathOrUrl, ...] = Field(min_length=2, description="corpora to join, in the order of their shards")
    out: PathOrUrl = Field(description="folder of the joined corpus, local or s3://")


class Copy(NamedTuple):
    """One shard: digest of its corpus, its location, and its name in the joined corpus."""

    corpus: str
    storage: Storage
    record: ShardRecord
    shard: str


def run(config: JoinConfig) -> Totals:
    """Write the joined corpus and return the run's summary; a second run copies missing shards.

    Raises:
        UserError: if two of the corpora share a key, their images differ in size, or their shards differ in format.
    """
    corpora = [Corpus(url) for url in config.corpora]
    copies = list(_copies(corpora))
    _check(corpora, copies)
    planned: Planned = {"shards": len(copies), "images": sum(copy.record["planned"] for copy in copies)}
    claim = Run(config.out, "join", {"corpora": [corpus.digest for corpus in corpora]}, config, planned)
    if (finished := claim.summary(Totals)) is not None:
        write_corpus_card(claim.storage)  # for corpora from before cards existed
        return finished
    done = Ledger(claim.storage).done()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda copy: _copy(copy, claim.storage), [copy for copy in copies if copy.shard not in done]))
    write_index(claim.storage)
    _join_tables(claim.storage, [corpus.storage for corpus in corpora])
    write_corpus_card(claim.storage)
    say(f"join: {planned['images']:,} images of {len(corpora)} corpora in {planned['shards']:,} shards")
    return claim.finish(totals(Ledger(claim.storage).records()))


def _join_tables(out: Storage, sources: list[Storage]) -> None:
    """Join what is known of every image beside the index; a table that some of the corpora lack is left out."""
    for table in (SCENES, FACES):
        table.concatenate(out, sources)
        without = [source.url for source in sources if not source.exists(table.name)]
        if 0 < len(without) < len(sources):
            say(f"join: no {table.name}, since {', '.join(without)} has none")


def _copies(corpora: list[Corpus]) -> Iterator[Copy]:
    """Every shard of every corpus, numbered consecutively within its split."""
    numbers: Counter[str] = Counter()
    for corpus in corpora:
        for record in Ledger(corpus.storage).records():
            split = record["shard"].rpartition("-")[0]
            yield Copy(corpus.digest, corpus.storage, record, f"{split}-{numbers[split]:06d}")
            numbers[split] += 1


def _check(corpora: list[Corpus], copies: list[Copy]) -> None:
    keys, counts = np.unique(np.concatenate([corpus.column("key") for corpus in corpora]), return_counts=True)
    if (counts > 1).any():
        raise UserError(f"key {keys[counts > 1][0]!r} is in two of the corpora: they hold the same images")
    sizes = {corpus.storage.url: corpus.pixels([0]).shape[1:3] for corpus in corpora}
    if len(set(sizes.values())) > 1:
        raise UserError(f"the corpora's images differ in size, {sizes}: prepare them with one size")
    formats = {copy.storage.url: sorted(copy.record["files"]) for copy in copies}
    if len({tuple(names) for names in formats.values()}) > 1:
        raise UserError(f"the corpora's shards differ in format, {formats}: prepare them with one output.formats")


def _copy(copy: Copy, storage: Storage) -> None:
    """Copy the files, then write the record, which lists them under their new names."""
    files: dict[str, ShardFile] = {}
    for name, file in copy.record["files"].items():
        path = f"data/{PREFIX}-{copy.shard}.{file['path'].rpartition('.')[2]}"
        storage.create(path, copy.storage.read(file["path"]))
        files[name] = {**file, "path": path}
    origin: JoinedFrom = {"corpus": copy.corpus, "shard": copy.record["shard"]}
    Ledger(storage).commit(copy.shard, {**copy.record, "shard": copy.shard, "files": files, "joined_from": origin})
