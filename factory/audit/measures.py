"""Measure shard by shard, on workers: hashes and features of real faces, and each spoof compared with them.

The verdicts (thresholds, near-duplicates, leaks) are computed later, from these tables and the index alone.
"""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from factory.audit.hashes import BITS, bits_apart, difference_hash
from factory.audit.style import StyleJudge
from factory.audit.style_judge import style_judge
from factory.audit.tones import tones
from factory.corpus import pixels, read_rows, read_shard_rows
from factory.corpus.identity import EmbedderName, distances, load_embedder, mirror_distances
from factory.corpus.row import SPOOF, Row
from factory.line.block import Result, ShardRow, result
from factory.line.faults import carry
from factory.storage import Storage
from factory.tables import plain_parquet

REAL_SCHEMA = pa.schema(
    [("key", pa.string()), ("dhash", pa.uint64()), ("feature", pa.list_(pa.float32()))]  # feature: spoofs only
)
SPOOF_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("dhash", pa.uint64()),
        ("live_dhash", pa.uint64()),
        ("identity_distance", pa.float64()),
        ("style_probability", pa.float64()),
        ("nearest_spoof", pa.string()),
        ("nearest_spoof_bits", pa.int64()),
        ("nearest_spoof_distance", pa.float64()),
        ("mirror_distance", pa.float64()),  # NaN without face recognition
        ("tone", pa.float64()),  # typology angle in degrees
        ("live_tone", pa.float64()),
    ]
)
PAIR_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("style_probability", pa.float64()),
        ("style_right", pa.bool_()),  # whether the own style is the likeliest
        ("genuine_distance", pa.float64()),  # to a live face of the person, NaN without one
        ("impostor_distance", pa.float64()),  # to a live face of another person, NaN without one
        ("mirror_distance", pa.float64()),  # NaN without face recognition
        ("tone", pa.float64()),  # typology angle in degrees
        ("live_tone", pa.float64()),  # of the person's live face, NaN without one
    ]
)
_BLOCK = 1 << 16  # training spoofs that a shard is compared with at a time


@dataclasses.dataclass(frozen=True)
class TrainingSpoofs:
    """The spoofs that the generator has seen, in the order of their keys; 8 + 4·C bytes each, plus the key."""

    keys: pa.Array
    hashes: np.ndarray  # uint64 (M,)
    features: np.ndarray  # float32 (M, C), of unit length

    def nearest(self, hashes: np.ndarray, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each image: place of the nearest training spoof, bits between the hashes, and cosine distance.

        The nearest spoof has the least sum of bits/64 and cosine distance [ours]: a copy is near by both. Of equally
        near spoofs, the one whose key comes first is taken.
        """
        place = np.zeros(len(hashes), dtype=np.int64)
        least = np.full(len(hashes), np.inf)
        for first in range(0, len(self.hashes), _BLOCK):
            block = slice(first, first + _BLOCK)
            apart = bits_apart(hashes[:, None], self.hashes[block]) / np.float32(BITS)
            # Rounded, because equal features give products that differ in their last bits.
            apart += (1 - features @ self.features[block].T).round(5)
            here = apart.argmin(axis=1)
            found = apart[np.arange(len(hashes)), here]
            place = np.where(found < least, first + here, place)
            least = np.minimum(found, least)
        cosine = (features.astype(np.float64) * self.features[place]).sum(axis=1)
        return place, bits_apart(hashes, self.hashes[place]).astype(np.int64), (1 - cosine).clip(0)


@dataclasses.dataclass(frozen=True)
class Tools:
    """How to measure: folders of style encoder and judge, name of the face embedder, images per batch, threads."""

    style_encoder: str
    judge: str | None  # None: the style encoder judges
    identity: EmbedderName
    batch_size: int
    threads: int


class Task(ShardRow, total=False):
    """A shard to measure, a row of a Ray dataset; `positions` and `lives` only for spoofs and pairs."""

    place: str  # of the shard's table
    url: str  # of its corpus
    source: str  # its name in that corpus
    positions: np.ndarray  # int64, of the shard's rows to measure
    lives: np.ndarray  # int64, position of each row's live face in the live corpus, −1 without one
    impostors: np.ndarray  # int64, only for pairs: a live face of another person, −1 without one


class MeasureReal:
    """An actor that turns one shard of real faces into a table of `REAL_SCHEMA` in `out`."""

    def __init__(self, out: str, tools: Tools) -> None:
        self._out = Storage(out)
        self._style = StyleJudge(tools.style_encoder, tools.batch_size, tools.threads)

    def __call__(self, row: Task) -> Result:
        """Measure the real faces of a shard."""
        return result(carry(row, "audit", self._work))

    def _work(self, row: Task) -> Task:
        rows = read_shard_rows(Storage(row["url"]), row["source"])
        images = pixels(rows)
        spoofs = np.flatnonzero([face.label == SPOOF for face in rows])
        features: list[list[float] | None] = [None] * len(rows)
        if len(spoofs):
            found = self._style.features(images[spoofs])
            for place, feature in zip(spoofs, found, strict=True):
                features[place] = feature.tolist()
        hashes = difference_hash(images)
        table = pa.table({"key": [face.key for face in rows], "dhash": hashes, "feature": features}, REAL_SCHEMA)
        self._out.create(row["place"], to_parquet(table))
        return {**row, "planned": len(rows)}


class MeasureSpoofs:
    """An actor that turns one shard of spoofs into a table of `SPOOF_SCHEMA` in `out`.

    Args:
        out, tools: as above. live: folder of the live corpus. shared: the reference to (shard and position of every
            live face, `TrainingSpoofs`), in a list so that Ray does not copy the value into every task.
    """

    def __init__(self, out: str, tools: Tools, live: str, shared: list[Any]) -> None:
        import ray

        self._out, self._live = Storage(out), Storage(live)
        self._style = style_judge(tools.style_encoder, tools.judge, tools.batch_size, tools.threads)
        self._embed = load_embedder(tools.identity)
        self._live_places, self._training = ray.get(shared[0])

    def __call__(self, row: Task) -> Result:
        """Measure the spoofs of a shard."""
        return result(carry(row, "audit", self._work))

    def _work(self, row: Task) -> Task:
        rows = read_shard_rows(Storage(row["url"]), row["source"], row["positions"].tolist())
        spoofs = pixels(rows)
        distinct, live_of = np.unique(np.asarray(row["lives"]), return_inverse=True)
        lives = pixels(read_rows(self._live, self._live_places, distinct))
        probabilities, features = self._style(spoofs, [face.style for face in rows])
        hashes = difference_hash(spoofs)
        place, bits, distance = self._training.nearest(hashes, features)
        mine = self._embed(spoofs)
        columns = {
            "key": [face.key for face in rows],
            "dhash": hashes,
            "live_dhash": difference_hash(lives)[live_of],
            "identity_distance": distances(mine, self._embed(lives)[live_of]),
            "style_probability": probabilities,
            "nearest_spoof": self._training.keys.take(pa.array(place)),
            "nearest_spoof_bits": bits,
            "nearest_spoof_distance": distance,
            "mirror_distance": mirror_distances(self._embed, spoofs, mine),
            "tone": tones(spoofs),
            "live_tone": tones(lives)[live_of],
        }
        self._out.create(row["place"], to_parquet(pa.table(columns, SPOOF_SCHEMA)))
        return {**row, "planned": len(rows)}


class MeasurePairs:
    """An actor that turns a chunk of real spoofs into a table of `PAIR_SCHEMA` in `out`.

    Args:
        out, tools: as above. corpus: folder of the training corpus. shared: the reference to shard and position of
            each of its rows, in a list as above.
    """

    def __init__(self, out: str, tools: Tools, corpus: str, shared: list[Any]) -> None:
        import ray

        self._out, self._corpus = Storage(out), Storage(corpus)
        self._style = style_judge(tools.style_encoder, tools.judge, tools.batch_size, tools.threads)
        self._embed = load_embedder(tools.identity)
        self._places = ray.get(shared[0])

    def __call__(self, row: Task) -> Result:
        """Measure the real spoofs of a chunk."""
        return result(carry(row, "audit", self._work))

    def _work(self, row: Task) -> Task:
        rows = self._read(row["positions"])
        spoofs = pixels(rows)
        probabilities, right = self._style.judged(spoofs, [face.style for face in rows])
        mine = self._embed(spoofs)
        wanted = np.stack([row["lives"], row["impostors"]])
        known = wanted >= 0
        others = np.full((*wanted.shape, mine.shape[1]), np.nan)
        other_tones = np.full(wanted.shape, np.nan)
        if known.any():
            distinct, place = np.unique(wanted[known], return_inverse=True)
            lives = pixels(self._read(distinct))
            others[known], other_tones[known] = self._embed(lives)[place], tones(lives)[place]
        columns = {
            "key": [face.key for face in rows],
            "style_probability": probabilities,
            "style_right": right,
            "genuine_distance": distances(mine, others[0]),
            "impostor_distance": distances(mine, others[1]),
            "mirror_distance": mirror_distances(self._embed, spoofs, mine),
            "tone": tones(spoofs),
            "live_tone": other_tones[0],
        }
        self._out.create(row["place"], to_parquet(pa.table(columns, PAIR_SCHEMA)))
        return {**row, "planned": len(rows)}

    def _read(self, positions: np.ndarray) -> list[Row]:
        return read_rows(self._corpus, self._places, positions)


def to_parquet(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def read_table(storage: Storage, place: str, columns: list[str] | None = None) -> pa.Table:
    """A table that `to_parquet` wrote, or some columns of it."""
    # Read through Arrow's own memory, see corpus.read_index.
    memory = pa.BufferOutputStream()
    memory.write(storage.read(place))
    with pa.BufferReader(memory.getvalue()) as file:
        return plain_parquet.read_table(file, storage.path(place), columns=columns)
