"""Join an audit's verdicts to the rows by key; without an audit the explorer omits verdicts."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from difffas.errors import UserError
from factory.storage import Storage
from factory.tables import plain_parquet

AUDIT = "audit.parquet"
COLUMNS = ("key", "identity_distance", "style_probability", "accepted", "reason")
OTHER = "other reasons"
MOST_REASONS = 250  # a code has one byte


@dataclasses.dataclass(frozen=True)
class Audited:
    """The verdicts row by row.

    Attributes:
        distance, probability: float32, NaN if unknown.
        accepted: int8, 1 accepted, 0 refused, −1 not audited.
        reason: uint8 codes into `reasons`; 0, an empty text, without a reason. One text may name several reasons.
    """

    distance: np.ndarray
    probability: np.ndarray
    accepted: np.ndarray
    reason: np.ndarray
    reasons: list[str]


class Verdicts:
    """The `audit.parquet` of a folder.

    Raises:
        UserError: if the file is missing or lacks a column.
    """

    def __init__(self, storage: Storage) -> None:
        if not storage.exists(AUDIT):
            raise UserError(f"{storage.url} has no {AUDIT}: give the folder of `difffas audit`")
        data = storage.read(AUDIT)
        self.digest = hashlib.sha256(data).hexdigest()
        where = storage.path(AUDIT)
        with plain_parquet.one_line(where), plain_parquet.open_file(io.BytesIO(data), where) as file:
            missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
            if missing:
                raise UserError(f"{storage.path(AUDIT)} has no column {missing[0]!r}: audit again")
            self._table = file.read(columns=list(COLUMNS), use_threads=False)

    def know(self, keys: pa.ChunkedArray) -> bool:
        """Whether any of these rows was audited."""
        return pc.any(pc.is_in(keys.combine_chunks(), self._table["key"].combine_chunks())).as_py() is True

    def of(self, keys: pa.ChunkedArray) -> Audited:
        """The verdicts of rows by their keys."""
        found = self._table.take(pc.index_in(keys.combine_chunks(), value_set=self._table["key"].combine_chunks()))
        distance, probability = (
            found[name].cast(pa.float32()).to_numpy(zero_copy_only=False).astype("<f4")
            for name in ("identity_distance", "style_probability")
        )
        accepted = found["accepted"].cast(pa.int8()).fill_null(-1).to_numpy(zero_copy_only=False)
        texts = [str(text) if text else "" for text in found["reason"].to_pylist()]
        counted = [text for text, _ in Counter(filter(None, texts)).most_common(MOST_REASONS)]
        reasons = ["", *sorted(counted), OTHER]
        code = {text: place for place, text in enumerate(reasons)}
        reason = np.fromiter((code.get(text, len(reasons) - 1) for text in texts), np.uint8, len(texts))
        return Audited(distance, probability, accepted, reason, reasons)
