"""A corpus: a folder of shards with a ledger, opened through its pixel-free index.

Opening a corpus reads only the index; images are read on demand, shard by shard and row group by row group.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import io
import typing
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from difffas.errors import UnreadableError, UserError
from factory.core.config import fingerprint
from factory.corpus.places import places_in
from factory.corpus.row import INDEX_SCHEMA, LATER, Row, with_later
from factory.corpus.shards import FORMATS
from factory.images import decode
from factory.run import read_summary
from factory.run.ledger import Ledger
from factory.run.record import SHARD, ShardFile, ShardRecord, read_format
from factory.storage import Storage
from factory.tables import plain_parquet

INDEX = "index.parquet"
ROWS_PER_GROUP = 1 << 17  # rows of the index in a row group
# Repeating text is held as codes into its distinct values: a tenth of the memory, and fast to compare.
_REPEATING = [
    field.name for field in INDEX_SCHEMA if field.type == pa.string() and field.name not in ("key", "source")
]


class Parts(typing.Protocol):
    """Divides a corpus into other parts than those that it was written with: a protocol of `factory.protocols`."""

    @property
    def digest(self) -> str:
        """Digest of everything that decides the parts."""

    def assign(self, index: pa.Table) -> np.ndarray:
        """Return the part of every line of an index, an empty string for no part; objects (N,)."""


class Corpus:
    """A finished corpus folder, local or `s3://`.

    Attributes:
        index: Arrow table of `INDEX_SCHEMA`, one line per image, in shard order; text columns other than `key` and
            `source` are dictionary-encoded, with one dictionary each.
        official: the index with the official split, if `index` has the parts of a protocol; else the same table.
        protocol: the protocol under which the corpus is viewed, or None.

    Raises:
        UserError: if the folder is not a corpus, is unfinished, or is empty.
    """

    def __init__(self, url: str) -> None:
        self.storage = Storage(url)
        if not self.storage.exists(INDEX) or read_summary(self.storage) is None:
            raise UserError(f"{self.storage.url} is not a finished corpus: run the command that writes it (again)")
        self.index: pa.Table = read_index(self.storage).unify_dictionaries()
        if fault := _index_fault(self.index):
            raise UserError(f"{self.storage.path(INDEX)} {fault}: write the corpus again")
        if not len(self.index):
            raise UserError(f"{self.storage.url} is an empty corpus: every source image was rejected, see ledger/")
        self.official: pa.Table = self.index
        self.protocol: Parts | None = None

    def __len__(self) -> int:
        return len(self.index)

    def column(self, name: str) -> np.ndarray:
        """Return one column of the index as a NumPy array; text as objects, None if missing."""
        column = self.index.column(name)
        if not pa.types.is_dictionary(column.type):
            return np.asarray(column.to_numpy(zero_copy_only=False))
        # Arrow's conversion would fill missing cells with a value; here they are None, and equal cells are one object.
        values = np.array([*column.chunk(0).dictionary.to_pylist(), None], dtype=object)
        return np.concatenate([values[chunk.indices.fill_null(len(values) - 1).to_numpy()] for chunk in column.chunks])

    def under(self, protocol: Parts | None) -> Corpus:
        """Return a view of this corpus under a protocol: `split` is each row's part, an empty string for no part.

        Rows read through the view keep the split that they were written with.
        """
        if protocol is None:
            return self
        view = copy.copy(self)
        view.__dict__.pop("digest", None)  # the cached digest of this corpus
        parts = pa.array(protocol.assign(self.official), pa.string()).dictionary_encode()
        place = self.official.schema.get_field_index("split")
        view.index, view.protocol = self.official.set_column(place, "split", parts), protocol
        return view

    @functools.cached_property
    def digest(self) -> str:
        """Digest of the content: the ledger's hashes of all shard files, and the protocol's parts if there is one."""
        content = corpus_digest(self.storage)
        if self.protocol is None:
            return content
        parts = hashlib.sha256("\n".join(self.column("split")).encode()).hexdigest()
        return fingerprint({"corpus": content, "protocol": self.protocol.digest, "parts": parts})

    def where(self, **equal: str | int) -> np.ndarray:
        """Return the positions in the index at which every named column equals the given value."""
        mask = np.ones(len(self), dtype=bool)
        for name, value in equal.items():
            mask &= pc.equal(self.index.column(name), value).fill_null(False).to_numpy()
        return np.flatnonzero(mask)

    def rows(self, positions: Sequence[int] | np.ndarray) -> list[Row]:
        """Return whole rows, pixels included, in the order of `positions`; each shard file is opened once."""
        return read_rows(self.storage, self.index, positions)

    def pixels(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the decoded images of `positions`, uint8 (N, H, W, 3).

        Raises:
            UserError: if the images differ in size.
        """
        images = [decode(row.image) for row in self.rows(positions)]
        sizes = {image.shape for image in images}
        if len(sizes) > 1:
            raise UserError(f"{self.storage.url} mixes image sizes {sorted(sizes)}: prepare it with one --size")
        return np.stack(images)


def _index_fault(index: pa.Table) -> str | None:
    """Return why a table is not an index, or None. Shards and positions are checked, as they decide what is read."""
    for field in INDEX_SCHEMA:
        if field.name not in index.column_names:
            return f"has no column {field.name!r}"
        kind = index.schema.field(field.name).type
        if (kind.value_type if pa.types.is_dictionary(kind) else kind) != field.type:
            return f"has a column {field.name!r} of {kind}, not of {field.type}"
    for name in ("key", "shard", "position"):
        if index[name].null_count:
            return f"has a row without {name}"
    if (pc.min(index["position"]).as_py() or 0) < 0:
        return "has a negative position"
    strange = [shard for shard in pc.unique(index["shard"]).to_pylist() if not SHARD.fullmatch(shard)]
    return f"names {strange[0][:100]!r}, which is not the name of a shard" if strange else None


def read_rows(storage: Storage, index: pa.Table, positions: Sequence[int] | np.ndarray) -> list[Row]:
    """Return rows of an indexed corpus folder in the order of `positions` (repeats allowed)."""
    wanted = np.asarray(positions, dtype=np.int64)
    taken = index.select(["shard", "position"]).take(pa.array(wanted))
    by_shard: dict[str, list[tuple[int, int]]] = {}
    for place, (shard, position) in enumerate(
        zip(taken["shard"].to_pylist(), taken["position"].to_pylist(), strict=True)
    ):
        by_shard.setdefault(shard, []).append((place, position))
    rows: list[Row | None] = [None] * len(wanted)
    for shard, places in by_shard.items():
        distinct = sorted({position for _, position in places})
        found = dict(zip(distinct, read_shard_rows(storage, shard, distinct), strict=True))
        for place, position in places:
            rows[place] = found[position]
    return [row for row in rows if row is not None]


def read_shard_rows(storage: Storage, shard: str, positions: Sequence[int] | None = None) -> list[Row]:
    """Return rows of one finished shard, from its Parquet file if it has one."""
    name, path = shard_file(storage, shard)
    with storage.open(path) as file:
        return FORMATS[name].read(file, positions)


def pixels(rows: Sequence[Row]) -> np.ndarray:
    """Decoded images of rows of one size, uint8 (N, H, W, 3).

    Raises:
        UserError: naming a row whose image cannot be read or has another size than the first.
    """
    images = []
    for row in rows:
        try:
            images.append(decode(row.image))
        except UnreadableError as error:
            raise UserError(f"image of {row.key}: {error}") from None
        if images[-1].shape != images[0].shape:
            raise UserError(f"image of {row.key} is {images[-1].shape[:2]} among {images[0].shape[:2]}")
    return np.stack(images)


def shard_file(storage: Storage, shard: str) -> tuple[str, str]:
    """Return format and path of the file from which a finished shard is read: Parquet if there is one."""
    return _file_of(shard, Ledger(storage).read(shard)["files"])


def shard_places(storage: Storage, shard: str) -> tuple[str, str, np.ndarray | None]:
    """Return format and path as `shard_file` does, with offset and length of each image in that file, int64 (N, 2).

    Shards of older versions have no places: None.

    Raises:
        UserError: if the places are invalid.
    """
    record = Ledger(storage).read(shard)
    return *_file_of(shard, record["files"]), places_in(record)


def _file_of(shard: str, files: Mapping[str, ShardFile]) -> tuple[str, str]:
    if not files:
        raise UserError(f"the ledger record of {shard} names no file: delete it and run the command again")
    name = read_format(files)
    return name, files[name]["path"]


def read_index(storage: Storage, columns: Sequence[str] | None = None) -> pa.Table:
    """Return `index.parquet` of a folder, or some of its columns; later columns of an older folder are null."""
    # From Arrow's own memory: an Arrow thread that still holds a Python object at interpreter exit aborts the process.
    memory = pa.BufferOutputStream()
    memory.write(storage.read(INDEX))
    with pa.BufferReader(memory.getvalue()) as file:
        there = plain_parquet.column_names(file, storage.path(INDEX))
        lacking = [name for name in LATER if name not in there]
        wanted = columns and [name for name in columns if name not in lacking]
        table = plain_parquet.read_table(file, storage.path(INDEX), columns=wanted, read_dictionary=_REPEATING)
    if columns is not None:
        return with_later(table, [name for name in lacking if name in columns])
    table = with_later(table)
    for name in lacking:
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].dictionary_encode())
    return table


def write_index(storage: Storage) -> None:
    """Write `index.parquet` from all finished shards, unless it exists."""
    if storage.exists(INDEX):
        return
    records = Ledger(storage).records()
    shards = (_shard_index(storage, record["shard"], record["files"]) for record in records)
    storage.create(INDEX, index_bytes(shards))


def index_bytes(shards: Iterable[pa.Table]) -> bytes:
    """Return the index file made from shards' index rows.

    Row groups are large: with one per shard, ten million rows would have half a million column chunks, and opening the
    file would take minutes.
    """
    buffer = io.BytesIO()
    waiting: list[pa.Table] = []
    with pq.ParquetWriter(buffer, INDEX_SCHEMA, compression="zstd") as writer:
        for shard in shards:
            waiting.append(shard)
            if sum(map(len, waiting)) >= ROWS_PER_GROUP:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
    return buffer.getvalue()


def _shard_index(storage: Storage, shard: str, files: Mapping[str, ShardFile]) -> pa.Table:
    name, path = _file_of(shard, files)
    with storage.open(path) as file:
        return index_lines(FORMATS[name].read_facts(file), shard)


def index_lines(facts: pa.Table, shard: str) -> pa.Table:
    """Return the index's lines of a shard, made from the facts of its rows."""
    facts = facts.append_column("shard", pa.array([shard] * len(facts), pa.string()))
    facts = facts.append_column("position", pa.array(range(len(facts)), pa.int64()))
    return facts.cast(INDEX_SCHEMA)


def corpus_digest(storage: Storage) -> str:
    """Return the content digest of a corpus folder: of shard names with the sha256 of their files."""
    files = {
        record["shard"]: {name: file["sha256"] for name, file in record["files"].items()}
        for record in Ledger(storage).records()
    }
    return fingerprint(files)


class Totals(typing.TypedDict):
    """The counts of a corpus's ledger, with which the summary of its run begins; planned = written + rejected."""

    shards: int
    planned: int
    written: int
    rejected: int
    styles: dict[str, int]
    rejects_by_reason: dict[str, int]


def totals(records: Iterable[ShardRecord]) -> Totals:
    """Return the numbers of planned, written and rejected images, with counts by style and reason, from records."""
    planned = written = shards = 0
    styles: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for record in records:
        if record["planned"] != record["rows"] + sum(record["rejects_by_reason"].values()):
            raise UserError(f"the ledger record of {record['shard']} is corrupt: delete it and run the command again")
        shards += 1
        planned += record["planned"]
        written += record["rows"]
        for counts, found in ((styles, record["styles"]), (reasons, record["rejects_by_reason"])):
            for name, count in found.items():
                counts[name] = counts.get(name, 0) + count
    return {
        "shards": shards,
        "planned": planned,
        "written": written,
        "rejected": planned - written,
        "styles": dict(sorted(styles.items())),
        "rejects_by_reason": dict(sorted(reasons.items())),
    }
