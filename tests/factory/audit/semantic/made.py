"""Rows to compare that are made of vectors, side tables of embeddings, and stages in this process."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.corpora import NoConfig
from factory.audit.semantic.embed import Tools
from factory.audit.semantic.findings import Semantic, findings
from factory.audit.semantic.pairs import GENERATED, TRAINING
from factory.audit.semantic.settings import SemanticConfig
from factory.audit.semantic.stages import ComparedRows, Pool, run_stages
from factory.audit.semantic.tables import VECTORS, VectorTables, vector_table
from factory.audit.semantic.vectors import whole
from factory.audit.semantic.work import Facts
from factory.corpus.annotations import ANNOTATIONS, STATION
from factory.line.walk import place_of
from factory.run import Run
from factory.storage import Storage


class Killed(BaseException):
    """What a test raises amid the work."""


def here(at: int | None = None) -> Callable[..., None]:
    """What `walk` does, in this process; `Killed` instead of the piece of this number, counted over all stages."""
    left = [at]

    def walk(
        name: str, out: Storage, folder: str, shards: Any, task: Any, actor: Any, arguments: Any, *_: object
    ) -> None:
        todo = [shard for shard in shards if not out.exists(place_of(folder, shard))]
        if not todo:
            return
        work = actor(*arguments())
        for shard in todo:
            if left[0] is not None:
                if not left[0]:
                    raise Killed
                left[0] -= 1
            row = work({"shard": shard, "place": place_of(folder, shard), **task(shard)})
            assert not row["fault"], row["fault"]

    return walk


@contextmanager
def in_this_process(at: int | None = None) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("factory.audit.semantic.stages.walk", here(at))
        patch.setattr("ray.put", lambda value: value)
        patch.setattr("ray.get", lambda value: value)
        yield patch


def planted(seed: int = 0, rows: int = 300, width: int = 16) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Vectors, styles, kinds and keys; some rows are near another one. Spoofs come first, then training spoofs."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(20, width))
    vectors = centres[rng.integers(0, 20, rows)] + 0.5 * rng.normal(size=(rows, width))
    source = rng.integers(0, rows, rows // 3)
    vectors[rng.permutation(rows)[: rows // 3]] = vectors[source] + 0.1 * rng.normal(size=(rows // 3, width))
    kinds = np.where(np.arange(rows) < 0.8 * rows, GENERATED, TRAINING)
    keys = [f"key-{number:04d}" for number in rng.permutation(rows)]
    return vectors, rng.integers(0, 3, rows), kinds, keys


def write_rows(
    out: Path, vectors: np.ndarray, styles: np.ndarray, kinds: np.ndarray, keys: Sequence[str], *, per_table: int
) -> ComparedRows:
    """Rows whose tables of vectors are written."""
    count, storage = len(keys), Storage(str(out))
    starts = np.minimum(np.arange(-(-count // per_table) + 1) * per_table, count)
    names = [f"{number:03d}" for number in range(len(starts) - 1)]
    for name, first in zip(names, starts.tolist(), strict=False):
        part = slice(first, first + per_table)
        storage.create(place_of(VECTORS, name), vector_table(list(keys[part]), whole(vectors[part])))
    rank = np.empty(count, np.int64)
    rank[np.argsort(np.array(keys))] = np.arange(count)
    facts = Facts(rank, styles.astype(np.int32), kinds.astype(np.int8))
    nothing = np.full(count, -1)
    return ComparedRows(pa.array(keys), nothing, nothing, facts, VectorTables(storage.url, names, starts), {})


def find_in(rows: ComparedRows, config: SemanticConfig) -> Semantic:
    pool = Pool(Storage(rows.tables.url), 1, 0.0, 1)
    stages = run_stages(rows, config, Tools("structure", "", 8, 1), pool)
    return findings(rows.keys, rows.facts, stages, config.cosine)


def by_key(rows: ComparedRows, found: Semantic) -> dict[str, dict[str, Any]]:
    """What is told of each spoof, by key."""
    spoofs = len(found.duplicate)
    columns = found.columns(np.array(rows.keys.to_pylist()[:spoofs], dtype=object))
    table = pa.table({"key": rows.keys[:spoofs], **columns})
    return {line.pop("key"): line for line in table.to_pylist()}


def write_side_table(folder: Path, keys: list[str], per_group: int = 4, **columns: Any) -> str:
    """A finished side table; returns its folder."""
    run = Run(str(folder), STATION, {"keys": keys}, NoConfig())
    buffer = io.BytesIO()
    pq.write_table(pa.table({"key": keys, **columns}), buffer, row_group_size=per_group)
    run.storage.create(ANNOTATIONS, buffer.getvalue())
    run.finish({"rows": len(keys)})
    return str(folder)
