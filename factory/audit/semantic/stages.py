"""The stages one after the other: embed, fit buckets, assign, compare, measure recall. Each goes on where it was."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from factory.audit.corpora import AuditedCorpora
from factory.audit.measures import read_table
from factory.audit.semantic import embed
from factory.audit.semantic.buckets import SAMPLED, draw, members, tiles
from factory.audit.semantic.findings import Stages
from factory.audit.semantic.pairs import CONTROL, GENERATED, TRAINING
from factory.audit.semantic.settings import SemanticConfig
from factory.audit.semantic.tables import VECTORS, VectorTables
from factory.audit.semantic.vectors import limit_of
from factory.audit.semantic.work import (
    BUCKETS,
    CENTROID,
    CENTROIDS,
    COUNTED,
    FOUND,
    NEAR,
    RECALL,
    AssignRows,
    CompareRows,
    Facts,
    FitBuckets,
    Job,
    MeasureRecall,
    Task,
    Worker,
    read_centroids,
)
from factory.audit.tables import controls, named_shards, spans
from factory.line.walk import place_of, walk
from factory.storage import Storage

ASSIGNED = 50_000  # rows in a table of `BUCKETS` or `RECALL`, at least
_COMPARED = pa.schema([("key", pa.string()), ("style", pa.string()), ("position", pa.int64())])
HELD = 1 << 28  # bytes of vectors that a worker holds while it compares


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the rows of one table of vectors are from: shard and folder of a corpus, and its side table, if any."""

    url: str
    shard: str
    side_table: str | None


@dataclasses.dataclass(frozen=True)
class ComparedRows:
    """The rows that are compared, in the order of their tables of vectors: audited spoofs first, then real spoofs."""

    keys: pa.Array
    positions: np.ndarray  # int64, in their shards
    lines: np.ndarray  # int64, in their side tables; −1 without one
    facts: Facts
    tables: VectorTables
    sources: Mapping[str, Source]  # by table

    def task(self, name: str) -> embed.Task:
        """What embeds the rows of one table."""
        table, source = self.tables.names.index(name), self.sources[name]
        span = slice(*self.tables.starts[table : table + 2].tolist())
        return {
            "shard": name,
            "url": source.url,
            "source": source.shard,
            "positions": self.positions[span],
            "keys": self.keys[span].to_pylist(),
            "side_table": source.side_table or "",
            "lines": self.lines[span],
        }

    def names(self) -> Iterator[str]:
        """A name for each row, by which it is drawn: its kind and key."""
        for first in range(0, len(self.keys), ASSIGNED):
            kinds, keys = self.facts.kind[first : first + ASSIGNED], self.keys[first : first + ASSIGNED]
            yield from (f"{kind}/{key}" for kind, key in zip(kinds.tolist(), keys.to_pylist(), strict=True))


@dataclasses.dataclass(frozen=True)
class Pool:
    """How stages run: folder of the audit, actors, GPUs of an actor that embeds, PyTorch threads of an actor."""

    out: Storage
    workers: int
    gpus: float
    threads: int

    def run(
        self,
        name: str,
        folder: str,
        shards: Sequence[str],
        task: Callable[[str], Task | embed.Task],
        actor: type,
        arguments: Callable[[], tuple[object, ...]],
        gpus: float = 0.0,
    ) -> None:
        """Make the tables that are missing; raises as `walk`."""
        walk(f"audit: semantic, {name}", self.out, folder, shards, task, actor, arguments, self.workers, gpus)

    def work(
        self, name: str, folder: str, shards: Sequence[str], task: Callable[[str], Task], job: Callable[[], Job]
    ) -> None:
        """Have `Worker`s make the tables that are missing. The job lies in Ray's object store, once for each node."""

        def arguments() -> tuple[object, ...]:
            import ray

            return self.out.url, self.threads, [ray.put(job())]

        self.run(name, folder, shards, task, Worker, arguments)


def compared_rows(corpora: AuditedCorpora, config: SemanticConfig, out: Storage) -> ComparedRows:
    """The audited spoofs, the training spoofs, and real spoofs that the generator has not seen as a control.

    Raises:
        UserError: if a side table does not know a row.
    """
    training, nothing, given = corpora.training, np.empty(0, np.int64), config.embeddings
    side_tables = (given.generated, given.training) if given else (None, None)
    seen, unseen = (corpora.training_rows, controls(corpora)) if config.copies else (nothing, nothing)
    real = np.sort(np.concatenate([seen, unseen]))
    parts = [
        (corpora.generated, corpora.spoofs, side_tables[0]),
        (training, training.index.take(pa.array(real)), side_tables[1]),
    ]
    sources, sizes, lines = dict[str, Source](), [0], []
    for corpus, index, side_table in parts:
        found = spans(index)
        held = {name: shard for name, shard in named_shards(corpus).items() if shard in found}
        sources |= {name: Source(corpus.storage.url, shard, side_table) for name, shard in held.items()}
        sizes += [found[shard].stop - found[shard].start for shard in held.values()]
        keys = index["key"].combine_chunks()
        lines.append(embed.lines_of(side_table, keys) if side_table else np.full(len(index), -1))
    kind = np.concatenate([np.full(len(corpora.spoofs), GENERATED), np.where(np.isin(real, seen), TRAINING, CONTROL)])
    columns = ("key", "style", "position")
    rows = pa.concat_tables([index.select(columns).cast(_COMPARED) for _, index, _ in parts]).combine_chunks()
    order = pc.sort_indices(rows.append_column("kind", pa.array(kind)), [("key", "ascending"), ("kind", "ascending")])
    rank = np.empty(len(rows), np.int64)
    rank[order.to_numpy()] = np.arange(len(rows))
    style = rows["style"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int32)
    return ComparedRows(
        rows["key"].combine_chunks(),
        rows["position"].to_numpy(),
        np.concatenate(lines),
        Facts(rank, style, kind.astype(np.int8)),
        VectorTables(out.url, list(sources), np.cumsum(sizes)),
        sources,
    )


def run_stages(rows: ComparedRows, config: SemanticConfig, tools: embed.Tools, pool: Pool) -> Stages:
    """Run what is missing of every stage, and return what they found.

    Raises:
        Quarantined: if a piece of work failed at every attempt.
    """
    out, tables, facts = pool.out, rows.tables, rows.facts
    column = config.embeddings.column if config.embeddings else ""
    given = out.url, tools, column
    pool.run("embeddings", VECTORS, tables.names, rows.task, embed.EmbedShard, lambda: given, pool.gpus)

    buckets = config.buckets or max(1, math.isqrt(tables.rows))

    def fitted() -> Job:
        return FitBuckets(tables, draw(rows.names(), config.seed, SAMPLED * buckets), buckets)

    pool.work("buckets", CENTROIDS, [CENTROID], lambda shard: {"shard": shard}, fitted)

    runs = tables.runs(ASSIGNED)

    def some(name: str) -> Task:
        return {"shard": name, "span": list(runs[name])}

    pool.work("rows in buckets", BUCKETS, list(runs), some, lambda: AssignRows(tables, config.probes))
    nearest = np.concatenate([_matrix(read_table(out, place_of(BUCKETS, name))) for name in runs])
    centroids = read_centroids(out)
    found, limit = members(nearest, len(centroids)), limit_of(config.cosine)
    planned = {f"{number:06d}": tile for number, tile in enumerate(tiles(found, HELD // (2 * centroids.shape[1])))}

    def piece(name: str) -> Task:
        return {"shard": name, "tile": list(planned[name])}

    pool.work("pairs", NEAR, list(planned), piece, lambda: CompareRows(tables, facts, found, limit))

    spoofs = np.flatnonzero(facts.kind == GENERATED)
    drawn = (f"recall/{name}" for name in itertools.islice(rows.names(), len(spoofs)))  # they come first
    probes = np.sort(draw(drawn, config.seed, config.recall_rows))
    if len(probes):
        whole = MeasureRecall(tables, facts, nearest, probes, limit)
        pool.work("recall", RECALL, list(runs), some, lambda: whole)
    homes, sizes = found.homes, np.diff(found.starts)
    return Stages(
        _joined(out, NEAR, planned, ("row", *FOUND)),
        _joined(out, RECALL, runs if len(probes) else {}, ("row", *COUNTED)),
        homes,
        int((homes * (homes - 1) // 2 + homes * (sizes - homes)).sum()),
    )


def _matrix(table: pa.Table) -> np.ndarray:
    return np.stack([column.to_numpy() for column in table.columns], axis=1)


def _joined(out: Storage, folder: str, names: Mapping[str, object], columns: tuple[str, ...]) -> dict[str, np.ndarray]:
    parts = [read_table(out, place_of(folder, name)) for name in names]
    return {
        name: np.concatenate([np.empty(0, np.int64), *(part[name].to_numpy() for part in parts)]) for name in columns
    }
