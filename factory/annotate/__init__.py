"""The annotate station: a function of the user's gives every row of a corpus further columns, in a side table by key.

The corpus stays untouched. `OUT/annotations.parquet` has a line per row, in the order of the index; `annotations_of`
reads it beside a corpus. docs/annotating.md is the manual.
"""

from __future__ import annotations

import time
from typing import TypedDict

from pydantic import Field, JsonValue

from factory.annotate.columns import ANNOTATIONS, SHARDS, STATION, AnnotateShard, digest_of, join
from factory.cluster.capacity import Need
from factory.core.config import Config, PathOrUrl
from factory.corpus import Corpus
from factory.line.block import ShardRow
from factory.line.walk import walk
from factory.run import Run

__all__ = ["AnnotateConfig", "run"]


class AnnotateResources(Config):
    """Resources that the station may use; excluded from the fingerprint."""

    workers: int = Field(2, ge=1, description="actors, each on one CPU; each imports the function once")
    gpus_per_worker: float = Field(0.0, ge=0, description="GPU of an actor, for functions that use one")


class AnnotateConfig(Config):
    """One side table of one corpus."""

    corpus: PathOrUrl = Field(description="finished corpus")
    out: PathOrUrl = Field(description="folder of the side table, local or s3://")
    function: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="MODULE:NAME of a function, or of a class that is made once in each worker",
    )
    arguments: dict[str, JsonValue] = Field({}, description="keyword arguments of the function, or of the class")
    resources: AnnotateResources = AnnotateResources()


class Annotated(TypedDict):
    """The summary: rows, kind of each column, seconds of the last run."""

    rows: int
    columns: dict[str, str]
    seconds: float


def run(config: AnnotateConfig) -> Annotated:
    """Write `OUT/annotations.parquet` and return the summary. A second run asks only for the missing shards.

    Raises:
        UserError: before anything is written, if the corpus is not finished or the function cannot be imported; if the
            function gives columns of the wrong form for many shards, or columns whose kinds differ between shards.
        Quarantined: if some shards failed at every attempt.
    """
    started = time.monotonic()
    corpus = Corpus(config.corpus)
    identity = {
        "corpus": corpus.digest,
        "function": config.function,
        "code": digest_of(config.function),
        "arguments": dict(config.arguments),
    }
    need = Need("a worker", cpus=1.0, gpus=config.resources.gpus_per_worker)
    claim = Run(config.out, STATION, identity, config, needs=[need])
    if (finished := claim.summary(Annotated)) is not None:
        return finished
    shards = list(dict.fromkeys(corpus.index["shard"].to_pylist()))
    given = claim.storage.url, corpus.storage.url, config.function, dict(config.arguments)
    pool = config.resources.workers, config.resources.gpus_per_worker
    walk(
        "annotate", claim.storage, SHARDS, shards, lambda shard: {"shard": shard}, AnnotateShard, lambda: given, *pool
    )
    table = join(claim.storage, shards)
    claim.storage.create(ANNOTATIONS, table.data)
    summary: Annotated = {"rows": len(corpus), "columns": table.columns, "seconds": time.monotonic() - started}
    return claim.finish(summary)


def _task(shard: str) -> ShardRow:
    return {"shard": shard}
