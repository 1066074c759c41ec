"""The work on workers: fit the buckets, put rows into them, compare within them, and measure what that misses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from factory.audit.measures import read_table, to_parquet
from factory.audit.semantic.buckets import Members, Tile, fit, nearest, pieces
from factory.audit.semantic.pairs import GENERATED, TRAINING, Rows, compare, near_pairs
from factory.audit.semantic.tables import VectorTables
from factory.line.block import Result, ShardRow, result
from factory.line.faults import carry
from factory.line.walk import place_of
from factory.storage import Storage

CENTROIDS, BUCKETS, NEAR, RECALL = (
    f"semantic/{name}" for name in ("centroids", "buckets", "near", "recall")
)  # folders
CENTROID = "all"  # name of the only table of centroids
FOUND = ("duplicate", "duplicate_parts", "copied", "copied_parts", "root")  # columns of `NEAR`, beside `row`; int64
COUNTED = ("pairs", "met", "refused", "met_refused")  # columns of `RECALL`, beside `row`; int64


@dataclasses.dataclass(frozen=True)
class Facts:
    """What comparing needs of each of N rows beside its vector; 13 bytes each."""

    rank: np.ndarray  # int64, place in the order of the keys
    style: np.ndarray  # int32
    kind: np.ndarray  # int8

    def rows(self, vectors: np.ndarray, rows: np.ndarray, home: np.ndarray) -> Rows:
        """The given rows, ready to be compared."""
        return Rows(vectors, self.rank[rows], self.style[rows], self.kind[rows], home)


class Task(ShardRow, total=False):
    """A piece of work, a row of a Ray dataset."""

    place: str  # of its table
    span: list[int]  # the first of some tables, and one past the last
    tile: list[int]  # see `Tile`


class Job(Protocol):
    """What all pieces of a stage need, and how one is done."""

    def made(self, row: Task, out: Storage) -> tuple[Mapping[str, Any], int]:
        """Return the table of a piece of work, and how many rows it took. `out` is the folder of the audit."""
        ...


class Worker:
    """An actor that commits one table for each piece of a job.

    Args:
        out: folder of the audit. threads: of PyTorch. shared: the reference to the `Job`, in a list so that Ray does
            not copy the value into every task.
    """

    def __init__(self, out: str, threads: int, shared: list[Any]) -> None:
        import ray
        import torch

        torch.set_num_threads(threads)
        self.out = Storage(out)
        self.job: Job = ray.get(shared[0])

    def __call__(self, row: Task) -> Result:
        """Do a piece of work."""
        return result(carry(row, "audit", self._work))

    def _work(self, row: Task) -> Task:
        columns, done = self.job.made(row, self.out)
        self.out.create(row["place"], to_parquet(pa.table(dict(columns))))
        return {**row, "planned": done}


@dataclasses.dataclass(frozen=True)
class FitBuckets:
    """Fits centroids to sampled rows, in the order in which they were drawn."""

    tables: VectorTables
    sample: np.ndarray  # int64
    buckets: int

    def made(self, row: Task, out: Storage) -> tuple[Mapping[str, Any], int]:
        """See `Job`."""
        return {"centroid": list(fit(self.tables.gather(self.sample), self.buckets))}, len(self.sample)


@dataclasses.dataclass(frozen=True)
class AssignRows:
    """Finds the nearest buckets of the rows of some tables, `bucket_0` as their home."""

    tables: VectorTables
    probes: int

    def made(self, row: Task, out: Storage) -> tuple[Mapping[str, Any], int]:
        """See `Job`."""
        centroids, span = read_centroids(out), range(*row["span"])
        found = np.concatenate([nearest(self.tables.read(table), centroids, self.probes) for table in span])
        return {f"bucket_{turn}": found[:, turn] for turn in range(found.shape[1])}, len(found)


@dataclasses.dataclass(frozen=True)
class CompareRows:
    """Compares the rows of a tile; a line for each that has something near."""

    tables: VectorTables
    facts: Facts
    members: Members
    limit: int

    def made(self, row: Task, out: Storage) -> tuple[Mapping[str, Any], int]:
        """See `Job`."""
        tile = Tile(*(int(number) for number in row["tile"]))
        return compared(self.tables, self.facts, self.members, tile, self.limit)


@dataclasses.dataclass(frozen=True)
class MeasureRecall:
    """Compares some spoofs with all rows of some tables."""

    tables: VectorTables
    facts: Facts
    buckets: np.ndarray  # int32 (N, probes), the nearest buckets of all rows
    spoofs: np.ndarray  # int64
    limit: int

    def made(self, row: Task, out: Storage) -> tuple[Mapping[str, Any], int]:
        """See `Job`."""
        first, end = row["span"]
        return missed(self.tables, self.facts, self.buckets, self.spoofs, self.limit, range(int(first), int(end)))


def compared(
    tables: VectorTables, facts: Facts, members: Members, tile: Tile, limit: int
) -> tuple[dict[str, np.ndarray], int]:
    """What is near each row of a tile, as `row` and the columns of `FOUND`, and the number of rows in it."""
    todo = list(pieces(members, tile))
    wanted = np.unique(np.concatenate([piece.rows for piece in todo])) if todo else np.empty(0, np.int64)
    vectors = tables.gather(wanted)
    found = {name: [np.empty(0, np.int64)] for name in ("row", *FOUND)}
    for piece in todo:
        rows = facts.rows(vectors[np.searchsorted(wanted, piece.rows)], piece.rows, piece.home)
        near = compare(rows, limit, piece.split)
        told = (near.duplicate >= 0) | (near.copied >= 0) | (near.root != np.arange(len(near.root)))
        found["row"].append(piece.rows[told])
        for name in FOUND[:-1]:
            found[name].append(getattr(near, name)[told])
        found["root"].append(piece.rows[near.root[told]])
    return {name: np.concatenate(parts) for name, parts in found.items()}, sum(len(piece.rows) for piece in todo)


def missed(
    tables: VectorTables, facts: Facts, buckets: np.ndarray, probes: np.ndarray, limit: int, span: range
) -> tuple[dict[str, np.ndarray], int]:
    """For each probe, its near pairs among the rows of some tables, and how many of them share a bucket.

    Args:
        buckets: nearest buckets of all rows, int32 (N, probes). probes: int64, the spoofs that are compared.

    Returns:
        `row` and the columns of `COUNTED`: near pairs, those that buckets meet, whether any of them refuses the
        probe, and whether any that buckets meet does; and the number of rows compared.
    """
    mine, count = tables.gather(probes), len(probes)
    counts = {name: np.zeros(count, np.int64) for name in COUNTED}
    for table in span:
        others = np.arange(tables.starts[table], tables.starts[table + 1])
        rows = np.concatenate([probes, others])
        vectors = np.concatenate([mine, tables.read(table)])
        for a, b, _ in near_pairs(facts.rows(vectors, rows, np.ones(len(rows), dtype=bool)), limit, count):
            one, other = rows[a], rows[b]
            twin = (facts.kind[other] == GENERATED) & (facts.style[one] == facts.style[other]) & (one != other)
            copy = facts.kind[other] == TRAINING
            refuses = copy | (twin & (facts.rank[other] < facts.rank[one]))
            met = (buckets[one] == buckets[other, :1]).any(axis=1) | (buckets[other] == buckets[one, :1]).any(axis=1)
            for name, chosen in zip(COUNTED, (twin | copy, (twin | copy) & met, refuses, refuses & met), strict=True):
                counts[name] += np.bincount(a[chosen], minlength=count)
    return {"row": probes, **counts}, int(tables.starts[span.stop] - tables.starts[span.start])


def read_centroids(out: Storage) -> np.ndarray:
    """The centroids, int16 (K, D)."""
    column = read_table(out, place_of(CENTROIDS, CENTROID))["centroid"].combine_chunks()
    return np.asarray(column.flatten().to_numpy().reshape(len(column), -1))
