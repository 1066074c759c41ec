"""Writes one shard: encodes rows in every format, commits them create-only, then records them in the ledger."""

from __future__ import annotations

import hashlib
import io
import math
import typing
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Literal

import pyarrow as pa
from pydantic import Field, model_validator

from difffas.errors import UserError
from factory.core.config import Config
from factory.corpus.formats import parquet, webdataset
from factory.corpus.places import places_of
from factory.corpus.row import Row
from factory.run.ledger import Ledger
from factory.run.record import Reject, ScoreStatistics, ShardFile, ShardNotes, ShardRecord, read_format
from factory.storage import Storage


class Format(typing.Protocol):
    """The interface of a module in `factory.corpus.formats`."""

    EXTENSION: str
    ROWS_PER_GROUP: int  # rows that `read_images` reads at once

    def to_bytes(self, rows: list[Row], lives: Mapping[str, bytes] | None = None) -> bytes:
        """Return one whole shard file; `lives` are the encoded live faces of a paired corpus, by key."""

    def read(self, file: BinaryIO, positions: Sequence[int] | None = None) -> list[Row]:
        """Return the rows at `positions`, all by default."""

    def read_images(self, file: BinaryIO, group: int) -> list[tuple[int, bytes]]:
        """Return offset in the file and bytes of each image of a group, in the order of rows."""

    def read_facts(self, file: BinaryIO) -> pa.Table:
        """Return every column but the pixels."""


FORMATS: dict[str, Format] = {"parquet": parquet, "webdataset": webdataset}


class OutputConfig(Config):
    """How shards are written; part of the run fingerprint."""

    formats: tuple[Literal["parquet", "webdataset"], ...] = Field(
        ("parquet",), min_length=1, description="one file a shard in each"
    )
    codec: Literal["png", "webp", "jpeg"] = Field(
        "png", description="format of the stored images: png, webp (both lossless unless quality is given) or jpeg"
    )
    quality: int | None = Field(None, ge=1, le=100, description="None is lossless (png, webp); required for jpeg")
    paired: bool = Field(False, description="webdataset: store `<key>.live.<image>` with every spoof")
    rows_per_shard: int = Field(500, ge=1, description="planned images of a shard, the unit of work and of resuming")

    @model_validator(mode="after")
    def _check(self) -> OutputConfig:
        if self.codec == "jpeg" and self.quality is None:
            raise UserError("output.codec jpeg needs output.quality (1 to 100)")
        if self.codec == "png" and self.quality is not None:
            raise UserError("output.codec png is lossless: leave output.quality out")
        if self.paired and "webdataset" not in self.formats:
            raise UserError("output.paired puts live faces into webdataset shards: add webdataset to output.formats")
        if len(set(self.formats)) != len(self.formats):
            raise UserError(f"output.formats {list(self.formats)} names a format twice")
        return self


def shard_sizes(rows: int, rows_per_shard: int, batch_size: int = 1) -> tuple[int, int, int]:
    """Return (shards, rows in each, shards with one more row): even shards, not smaller than a batch if possible."""
    if rows == 0:
        return 0, 0, 0
    shards = max(1, min(math.ceil(rows / rows_per_shard), rows // batch_size))
    return shards, rows // shards, rows % shards


def shard_span(number: int, rows: int, shards: int) -> tuple[int, int]:
    """Return first row and row count of shard `number` when `rows` are cut into `shards` even pieces."""
    size, longer = divmod(rows, shards)
    return number * size + min(number, longer), size + (number < longer)


def commit(
    storage: Storage,
    prefix: str,
    shard: str,
    rows: list[Row],
    rejects: list[Reject],
    output: OutputConfig,
    notes: ShardNotes,
    lives: Mapping[str, bytes] | None = None,
) -> ShardRecord:
    """Write `rows` in every format and then the ledger record; returns the record that the ledger holds.

    The loser of a race adopts the existing object: the record names the winner's bytes. `rejects` are
    `{"key", "reason"}`; planned = rows + rejects. `notes` (attempt, software, device) goes into the record. `lives`
    are the encoded live faces of a paired corpus, by key of the spoof.
    """
    files: dict[str, ShardFile] = {}
    contents: dict[str, bytes] = {}
    for name in output.formats:
        module = FORMATS[name]
        path = f"data/{prefix}-{shard}.{module.EXTENSION}"
        data = module.to_bytes(rows, lives)
        if not storage.create(path, data):
            data = storage.read(path)
            rows, rejects = _adopted(path, module.read(io.BytesIO(data)), rows, rejects)
        files[name] = {"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        contents[name] = data
    record: ShardRecord = {
        "shard": shard,
        "planned": len(rows) + len(rejects),
        "rows": len(rows),
        "rejects": rejects,
        "rejects_by_reason": dict(Counter(item["reason"] for item in rejects)),
        "styles": dict(Counter(row.style for row in rows)),
        "files": files,
        "brisque": score_statistics([row.brisque for row in rows]),
        **notes,
    }
    if places := places_of(contents[read_format(files)], (row.image for row in rows)):
        record["places"] = places
    return Ledger(storage).commit(shard, record)


def _adopted(path: str, found: list[Row], rows: list[Row], rejects: list[Reject]) -> tuple[list[Row], list[Reject]]:
    """Return the rows of the winner's file; all other planned images become rejects, so that none is lost."""
    present = {row.key for row in found}
    reasons = {row.key: "left out by the driver whose file stands" for row in rows}
    reasons |= {reject["key"]: reject["reason"] for reject in rejects}
    if present - reasons.keys():
        raise UserError(f"{path} holds other keys than the plan: move it away and run the command again")
    return found, [{"key": key, "reason": reason} for key, reason in reasons.items() if key not in present]


def score_statistics(scores: list[float | None]) -> ScoreStatistics:
    """Return count, failures, mean, population standard deviation, least and largest of the existing scores."""
    known = [score for score in scores if score is not None]
    if not known:
        return {"count": 0, "failed": len(scores)}
    mean = math.fsum(known) / len(known)
    deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in known) / len(known))
    return {
        "count": len(known),
        "failed": len(scores) - len(known),
        "mean": mean,
        "std": deviation,
        "min": min(known),
        "max": max(known),
    }
