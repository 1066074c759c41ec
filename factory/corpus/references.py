"""Follow a generated row's references: the places of its live face and guide in the corpora that it was made of."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from difffas.errors import UserError
from factory.corpus import Corpus


def places_of(rows: pa.Table, name: str, corpus: Corpus) -> np.ndarray:
    """Positions in `corpus` of the rows whose keys are in column `name` of generated rows, int64.

    Raises:
        UserError: naming a key that the corpus does not hold.
    """
    places = pc.index_in(rows[name], value_set=corpus.index["key"].combine_chunks())
    if places.null_count:
        lost = rows[name].filter(places.is_null())
        raise UserError(
            f"{corpus.storage.url} does not hold {lost[0].as_py()!r}, the {name} of a generated row, nor those of "
            f"{len(lost) - 1} more: give the corpus that they were generated from"
        )
    return np.asarray(places.to_numpy().astype(np.int64))
