"""An audit as other stations read it: which generated rows they may use, and why the others are excluded."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from difffas.errors import UserError
from factory.corpus import Corpus
from factory.corpus.generated import are_generated, are_invented
from factory.corpus.row import LIVE
from factory.run import read_claim, read_summary
from factory.storage import Storage
from factory.tables import plain_parquet

STATION, AUDIT = "audit", "audit.parquet"


class Audit:
    """A finished audit folder, local or `s3://`.

    Raises:
        UserError: if the folder is not an audit or is unfinished.
    """

    def __init__(self, url: str) -> None:
        self.storage = Storage(url)
        station = read_claim(self.storage)["job"]
        if station != STATION:
            raise UserError(
                f"{self.storage.url} holds a run of {station}, not an audit: give what `difffas audit` wrote"
            )
        if read_summary(self.storage) is None:
            raise UserError(f"{self.storage.url} is not finished: run `difffas audit` again")

    @functools.cached_property
    def digest(self) -> str:
        """sha256 of the file of verdicts."""
        return hashlib.sha256(self.storage.read(AUDIT)).hexdigest()

    @functools.cached_property
    def table(self) -> pa.Table:
        """Key, BRISQUE score and verdict of every audited row."""
        return self.read(["key", "brisque", "accepted", "reason"])

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Return `audit.parquet`, or some of its columns."""
        memory = pa.BufferOutputStream()  # Arrow's own memory, see corpus.read_index
        memory.write(self.storage.read(AUDIT))
        with pa.BufferReader(memory.getvalue()) as file:
            return plain_parquet.read_table(file, self.storage.path(AUDIT), columns=columns)

    def accepted(self, corpus: Corpus, positions: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
        """Return which of these rows may be used, and the number of excluded rows by reason; real rows always may.

        The live half of a pair of a new person has the verdict of its spoof, which was compared with it.

        Raises:
            UserError: if a generated row was not audited, or had another BRISQUE score in the audit, which then
                belongs to other pixels.
        """
        columns = ["key", "brisque", "guide_key", "generator", "label", "subject"]
        rows = corpus.index.select(columns).take(pa.array(positions))
        half = are_invented(rows) & (rows["label"].to_numpy() == LIVE)
        generated = are_generated(rows) & ~half
        places = pc.index_in(rows["key"], value_set=self.table["key"].combine_chunks())
        unknown = generated & places.is_null().to_numpy()
        if unknown.any():
            key = rows["key"][int(np.flatnonzero(unknown)[0])].as_py()
            raise UserError(
                f"audit {self.storage.url} does not know {key!r}, nor {int(unknown.sum()) - 1} more of the generated "
                f"rows of {corpus.storage.url}: audit that corpus"
            )
        found = self.table.take(places.fill_null(0))
        scores = [table["brisque"].to_numpy().astype(np.float64) for table in (rows, found)]
        changed = generated & ~((scores[0] == scores[1]) | np.isnan(scores).all(axis=0))
        if changed.any():
            key = rows["key"][int(np.flatnonzero(changed)[0])].as_py()
            raise UserError(
                f"audit {self.storage.url} is of other images under the keys of {corpus.storage.url}, such as "
                f"{key!r}: audit that corpus"
            )
        keep = ~generated | found["accepted"].to_numpy()
        refused = rows["subject"].filter(pa.array(generated & ~keep)).cast(pa.string()).combine_chunks()
        people = rows["subject"].cast(pa.string())
        keep &= ~(half & np.asarray(pc.is_in(people, value_set=refused).to_numpy()))
        reasons = found["reason"].filter(pa.array(~keep & generated)).to_pylist()
        return keep, dict(sorted(Counter(reasons).items()))


def kept_by(url: str | None, corpus: Corpus, positions: np.ndarray) -> tuple[np.ndarray, dict[str, int] | None]:
    """Return the positions that an audit accepts, and counts of excluded rows by reason; all and None without audit.

    Raises:
        UserError: as `Audit` and `Audit.accepted`.
    """
    if url is None:
        return positions, None
    keep, left_out = Audit(url).accepted(corpus, positions)
    return positions[keep], left_out
