"""The embeddings of a shard: by a network, or from the column of a side table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pyarrow as pa

from difffas.errors import UserError
from factory.audit.semantic.settings import SemanticConfig
from factory.audit.semantic.tables import vector_table
from factory.audit.semantic.vectors import whole
from factory.audit.style import StyleJudge
from factory.corpus import pixels, read_shard_rows
from factory.corpus.annotations import ANNOTATIONS, STATION
from factory.corpus.identity import EMBEDDERS, EmbedderName, load_embedder
from factory.line.block import Result, ShardRow, result
from factory.line.faults import carry
from factory.models import backbone
from factory.models.hub import LOCAL, is_named
from factory.models.load import encoder_digest
from factory.run import read_claim, read_summary
from factory.storage import Storage
from factory.tables import plain_parquet

STYLE = "style"
Embed = Callable[[np.ndarray], np.ndarray]  # images uint8 (N, H, W, 3) to vectors (N, D)


@dataclasses.dataclass(frozen=True)
class Tools:
    """How to embed: name of the embedder, folder of the style encoder, images per batch, threads."""

    embedder: str
    style_encoder: str
    batch_size: int
    threads: int


class Task(ShardRow, total=False):
    """A shard to embed, a row of a Ray dataset."""

    place: str  # of the shard's table
    url: str  # of its corpus
    source: str  # its name in that corpus
    positions: np.ndarray  # int64, of the shard's rows that are compared
    keys: list[str]  # theirs
    side_table: str  # folder of the side table; empty: ask the network
    lines: np.ndarray  # int64, the line of each row in the side table


def embedder_identity(config: SemanticConfig, style_encoder: str) -> dict[str, Any]:
    """What decides the embeddings, in JSON: digests, and no path.

    Raises:
        UserError: if the embedder is not installed or not there, or a side table is not finished or lacks the column.
    """
    if (given := config.embeddings) is not None:
        return {
            "generated": _table_identity(given.generated, given.column),
            "training": _table_identity(given.training, given.column),
            "column": given.column,
        }
    if config.embedder == STYLE:
        return {"embedder": STYLE, "digest": encoder_digest(Storage(style_encoder))}
    if (name := _known(config.embedder)) is not None:
        return {"embedder": name, "digest": load_embedder(name).digest}
    if not (is_named(config.embedder) or config.embedder.startswith(LOCAL)):
        raise UserError(
            f"semantic.embedder {config.embedder!r} is neither {', '.join(EMBEDDERS)} nor {STYLE}, and as a timm name "
            "without a tag it has random weights: give NAME.TAG or local-dir:FOLDER"
        )
    return {"embedder": "backbone", "digest": backbone.identity(backbone.found(config.embedder))}


def located(config: SemanticConfig) -> str:
    """The embedder as workers, which run in other folders, find it."""
    return config.embedder if config.embedder in (*EMBEDDERS, STYLE) else backbone.located(config.embedder)


def lines_of(side_table: str, keys: pa.Array) -> np.ndarray:
    """The line of each key in a side table, int64; raises UserError for a key that it does not know."""
    import pyarrow.compute as pc

    storage = Storage(side_table)
    with storage.open(ANNOTATIONS) as file:
        known = plain_parquet.read_table(file, storage.path(ANNOTATIONS), columns=["key"])["key"].combine_chunks()
    places = pc.index_in(keys, value_set=known)
    if unknown := places.null_count:
        key = keys.filter(places.is_null())[0].as_py()
        raise UserError(
            f"{storage.url} does not know {key!r}, nor {unknown - 1} more rows that are compared: annotate them"
        )
    return np.asarray(places.to_numpy().astype(np.int64))


def read_lines(side_table: str, column: str, lines: np.ndarray) -> np.ndarray:
    """The embeddings in some lines of a side table, float64 (N, D); zeros for null.

    Only the row groups that hold these lines are read.

    Raises:
        UserError: if the column does not hold lists of numbers, all of one length.
    """
    storage = Storage(side_table)
    with storage.open(ANNOTATIONS) as stream:
        file = plain_parquet.open_file(stream, storage.path(ANNOTATIONS))
        ends = np.cumsum([file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)])
        groups = np.searchsorted(ends, lines, side="right")
        wanted = np.unique(groups)
        starts = np.concatenate([[0], ends])[wanted]
        table = file.read_row_groups(wanted.tolist(), columns=[column])
    sizes = (ends - np.concatenate([[0], ends[:-1]]))[wanted]
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    group = np.searchsorted(wanted, groups)
    cells = table[column].combine_chunks().take(pa.array(offsets[group] + lines - starts[group]))
    return _numbers(cells, f"{storage.url}: column {column}")


class EmbedShard:
    """An actor that turns the compared rows of one shard into a table of whole vectors in `out`."""

    def __init__(self, out: str, tools: Tools, column: str) -> None:
        self._out, self._tools, self._column = Storage(out), tools, column
        self._embed: Embed | None = None

    def __call__(self, row: Task) -> Result:
        """Embed the rows of a shard."""
        return result(carry(row, "audit", self._work))

    def _work(self, row: Task) -> Task:
        keys = list(row["keys"])
        if row["side_table"]:
            vectors = read_lines(row["side_table"], self._column, np.asarray(row["lines"]))
        else:
            self._embed = self._embed or load(self._tools)
            rows = read_shard_rows(Storage(row["url"]), row["source"], row["positions"].tolist())
            assert [one.key for one in rows] == keys, "a position is that of its key"
            vectors = self._embed(pixels(rows))
        self._out.create(row["place"], vector_table(keys, whole(vectors)))
        return {**row, "planned": len(keys)}


def load(tools: Tools) -> Embed:
    """The network that embeds, on this machine."""
    if tools.embedder == STYLE:
        return StyleJudge(tools.style_encoder, tools.batch_size, tools.threads).features
    name = _known(tools.embedder)
    return load_embedder(name) if name is not None else Backbone(tools)


class Backbone:
    """A timm backbone: its pooled features; uses a GPU if there is one."""

    def __init__(self, tools: Tools) -> None:
        import torch

        torch.set_num_threads(tools.threads)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._name, self._batch_size = tools.embedder, tools.batch_size
        self._network: Any = None  # some networks are built for the size of the images

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Map images, uint8 (N, H, W, 3), to features, float32 (N, D)."""
        import torch

        from factory.models.tensors import to_tensor

        self._network = self._network or self._load(images.shape[1])
        found = []
        with torch.no_grad():
            for first in range(0, len(images), self._batch_size):
                batch = to_tensor(images[first : first + self._batch_size]).to(self._device)
                found.append(self._network.features(batch).float().cpu())
        return np.asarray(torch.cat(found).numpy())

    def _load(self, size: int) -> Any:
        from difffas.classifier import SpoofClassifier

        given = backbone.arguments(self._name, size)
        network = SpoofClassifier(("0", "1"), ("0",), backbone=backbone.here(self._name), backbone_args=given)
        return network.eval().requires_grad_(False).to(self._device)


def _known(name: str) -> EmbedderName | None:
    return next((known for known in get_args(EmbedderName) if known == name), None)


def _table_identity(url: str, column: str) -> str:
    """The fingerprint of a finished side table that has the column; raises UserError."""
    storage = Storage(url)
    claim = read_claim(storage)
    if claim["job"] != STATION:
        raise UserError(f"{storage.url} holds a run of {claim['job']}: give what `difffas annotate` wrote")
    if read_summary(storage) is None:
        raise UserError(f"{storage.url} is not finished: run `difffas annotate` again")
    with storage.open(ANNOTATIONS) as stream:
        names = plain_parquet.open_file(stream, storage.path(ANNOTATIONS)).schema_arrow.names
    if column not in names:
        raise UserError(f"{storage.url} has no column {column!r}, only {names}: set semantic.embeddings.column")
    return claim["fingerprint"]


def _numbers(cells: pa.Array, where: str) -> np.ndarray:
    """Lists of numbers as float64 (N, D); null is a line of zeros."""
    import pyarrow.compute as pc
    import pyarrow.types as kinds

    kind = cells.type
    is_list = kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind)
    if not is_list or not (kinds.is_floating(kind.value_type) or kinds.is_integer(kind.value_type)):
        raise UserError(f"{where} is of {kind}: an embedding is a list of numbers")
    known = cells.drop_null()
    lengths = pc.unique(pc.list_value_length(known)).to_pylist()
    flat = known.flatten()
    if len(lengths) > 1 or flat.null_count:
        raise UserError(
            f"{where} has lists of {sorted(lengths)} numbers or gaps within: give one length, without null"
        )
    width = lengths[0] if lengths else 1
    found = np.zeros((len(cells), width))
    there = cells.is_valid().to_numpy(zero_copy_only=False)
    found[there] = flat.cast(pa.float64()).to_numpy().reshape(-1, width)
    return found
