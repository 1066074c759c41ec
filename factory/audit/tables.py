"""The tables of measures: workers make one per shard, and this module joins them in the order of the index."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from difffas.errors import UserError
from factory.audit.corpora import AuditedCorpora
from factory.audit.measures import (
    PAIR_SCHEMA,
    SPOOF_SCHEMA,
    MeasurePairs,
    MeasureReal,
    MeasureSpoofs,
    Task,
    Tools,
    TrainingSpoofs,
    read_table,
)
from factory.audit.settings import AuditConfig
from factory.corpus import Corpus, corpus_digest
from factory.line.walk import place_of, walk
from factory.storage import Storage
from factory.tables.columns import TextColumn

REAL, SPOOFS, PAIRS = "real", "spoofs", "pairs"  # folders
PAIRS_AT_A_TIME = 64  # real spoofs in a table of `PAIRS`
CONTROLS = 2000  # spoofs unseen by the generator that are compared with the seen ones


def make_tables(config: AuditConfig, corpora: AuditedCorpora, out: Storage) -> None:
    """Measure every shard without a table, real faces first, because the spoofs are compared with them."""
    resources = config.resources
    encoder, judge = Storage(config.inputs.style_encoder).url, config.inputs.judge
    tools = Tools(encoder, judge and Storage(judge).url, config.identity, config.batch_size, resources.threads)
    pool = resources.workers, resources.gpus_per_worker
    real: dict[str, Task] = {
        name: {"shard": name, "url": corpus.storage.url, "source": shard}
        for corpus in corpora.real
        for name, shard in named_shards(corpus).items()
    }
    walk("audit: real faces", out, REAL, list(real), real.__getitem__, MeasureReal, lambda: (out.url, tools), *pool)

    of_shard, positions = spans(corpora.spoofs), corpora.spoofs["position"].to_numpy()

    def task(shard: str) -> Task:
        return {
            "shard": shard,
            "url": corpora.generated.storage.url,
            "source": shard,
            "positions": positions[of_shard[shard]],
            "lives": corpora.live_of[of_shard[shard]],
        }

    def held_against() -> tuple[object, ...]:
        import ray

        places = corpora.live.index.select(["shard", "position"]).combine_chunks()
        shared = ray.put((places, _spoofs_at(out, corpora.training, corpora.training_rows)))
        return out.url, tools, corpora.live.storage.url, [shared]

    walk("audit: spoofs", out, SPOOFS, list(of_shard), task, MeasureSpoofs, held_against, *pool)
    _measure_pairs(corpora, out, tools, pool)


def _measure_pairs(corpora: AuditedCorpora, out: Storage, tools: Tools, pool: tuple[int, float]) -> None:
    """Measure the real spoofs that calibrate the limits, each with its live faces."""
    chunks, pairs, corpus = _chunks(len(corpora.pairs.spoofs)), corpora.pairs, corpora.training

    def pairs_of(chunk: str) -> Task:
        rows = chunks[chunk]
        positions, lives, impostors = pairs.spoofs[rows], pairs.lives[rows], pairs.impostors[rows]
        return {"shard": chunk, "positions": positions, "lives": lives, "impostors": impostors}

    def of_training() -> tuple[object, ...]:
        import ray

        places = corpus.index.select(["shard", "position"]).combine_chunks()
        return out.url, tools, corpus.storage.url, [ray.put(places)]

    walk("audit: pairs of real faces", out, PAIRS, list(chunks), pairs_of, MeasurePairs, of_training, *pool)


def spoof_measures(tables: Storage, spoofs: pa.Table) -> pa.Table:
    """The measures of the spoofs, in the order of their index rows."""
    found = [read_table(tables, place_of(SPOOFS, shard)) for shard in spans(spoofs)]
    whole = _as_measured_now(found, SPOOF_SCHEMA)
    assert whole["key"].equals(spoofs["key"]), "a table of measures is that of its shard"
    return whole


def pair_measures(tables: Storage, corpora: AuditedCorpora) -> pa.Table:
    """The measures of the real spoofs that calibrate the limits, in the order of `Pairs`; columns of `PAIR_SCHEMA`."""
    spoofs = corpora.pairs.spoofs
    found = [PAIR_SCHEMA.empty_table(), *(read_table(tables, place_of(PAIRS, name)) for name in _chunks(len(spoofs)))]
    whole = _as_measured_now(found, PAIR_SCHEMA)
    assert whole["key"].to_pylist() == list(corpora.training.column("key")[spoofs]), "a table of pairs is of its chunk"
    return whole


def has_pairs(tables: Storage, corpora: AuditedCorpora) -> bool:
    """Whether the pairs were measured; an audit of an older version has none."""
    return not len(corpora.pairs.spoofs) or bool(tables.names(PAIRS))


def check_mirror_distances(tables: Storage, corpora: AuditedCorpora) -> None:
    """Refuse the tables of an older version, which measured no mirror distance; raises UserError."""
    if spoof_measures(tables, corpora.spoofs)["mirror_distance"].null_count:
        raise UserError(
            f"measures {tables.url} are of an older version, without mirror distances: leave them out, or set "
            "thresholds.mirror_distance=null"
        )


def real_hashes(tables: Storage, corpus: Corpus) -> np.ndarray:
    """dHash of every row of a corpus of real faces, in the order of its index; uint64."""
    found = [read_table(tables, place_of(REAL, name), ["dhash"])["dhash"] for name in named_shards(corpus)]
    return np.concatenate([column.to_numpy() for column in found])


def unseen_spoofs(tables: Storage, corpora: AuditedCorpora) -> tuple[np.ndarray, np.ndarray]:
    """Bits and cosine distance to the nearest training spoof, for real spoofs that the generator has not seen.

    These are at most `CONTROLS` spoofs of the training corpus's other splits; memorisation cannot explain their
    distances.
    """
    rows = controls(corpora)
    if not len(rows):
        return np.empty(0, np.int64), np.empty(0)
    unseen = _spoofs_at(tables, corpora.training, rows)
    training = _spoofs_at(tables, corpora.training, corpora.training_rows)
    _, bits, distance = training.nearest(unseen.hashes, unseen.features)
    return bits, distance


def controls(corpora: AuditedCorpora) -> np.ndarray:
    """At most `CONTROLS` real spoofs that the generator has not seen, spread over all; positions, int64."""
    rows = corpora.unseen_rows
    return np.asarray(rows[np.unique(np.linspace(0, len(rows) - 1, min(CONTROLS, len(rows))).astype(np.int64))])


def _spoofs_at(tables: Storage, corpus: Corpus, positions: np.ndarray) -> TrainingSpoofs:
    """Keys, hashes and features of the spoofs at the chosen positions, in the order of their keys."""
    wanted = np.zeros(len(corpus), dtype=bool)
    wanted[positions] = True
    chosen, first = [], 0
    for name in named_shards(corpus):
        table = read_table(tables, place_of(REAL, name))
        chosen.append(table.filter(pa.array(wanted[first : first + len(table)])))
        first += len(table)
    whole = pa.concat_tables(chosen).sort_by("key").combine_chunks()
    features = whole["feature"].combine_chunks().flatten().to_numpy().reshape(len(whole), -1)
    return TrainingSpoofs(whole["key"].combine_chunks(), whole["dhash"].to_numpy(), features)


def named_shards(corpus: Corpus) -> dict[str, str]:
    """A corpus's shards by the names of their tables, because two corpora may have shards of the same name."""
    digest = corpus_digest(corpus.storage)[:12]
    return {f"{digest}-{shard}": shard for shard in spans(corpus.index)}


def _as_measured_now(tables: list[pa.Table], schema: pa.Schema) -> pa.Table:
    """The tables as one; what an older version did not measure is null."""
    missing = pa.unify_schemas([schema, *(table.schema for table in tables)]).empty_table()
    joined = pa.concat_tables([missing, *tables], promote_options="default")
    return joined.select(schema.names).cast(schema).combine_chunks()


def _chunks(pairs: int) -> dict[str, slice]:
    """The pairs of each table."""
    firsts = range(0, pairs, PAIRS_AT_A_TIME)
    return {f"{number:06d}": slice(first, first + PAIRS_AT_A_TIME) for number, first in enumerate(firsts)}


def spans(index: pa.Table) -> dict[str, slice]:
    """The slice of each shard's rows within index rows that are in the order of the shards."""
    column = TextColumn(index, "shard")
    starts = np.flatnonzero(np.diff(column.codes, prepend=-1))
    ends = np.append(starts, len(index))[1:]
    found = {column[int(start)]: slice(int(start), int(end)) for start, end in zip(starts, ends, strict=True)}
    assert len(found) == len(starts), "the rows of a shard stand together"
    return found
