"""Choose the rows that the explorer lists, and their columns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from factory.corpus import Corpus
from factory.corpus.row import SPOOF

COLUMNS = (
    *("key", "style", "domain", "attack", "subject", "split", "brisque", "live_key", "guide_key", "live_domain"),
    *("t0", "cfg_scale", "seed", "shard", "position"),
)


@dataclasses.dataclass(frozen=True)
class Listing:
    """The spoofs of a generated corpus: the index columns in use, and the place of each row in the whole index."""

    corpus: Corpus
    index: pa.Table
    places: np.ndarray

    @classmethod
    def of(cls, corpus: Corpus) -> Listing | None:
        """The listing of a corpus; None if it holds no spoof."""
        places = corpus.where(label=SPOOF)
        return cls(corpus, corpus.index.select(COLUMNS).take(pa.array(places)), places) if len(places) else None
