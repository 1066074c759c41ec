"""Which rows of an index a generator made: spoofs edited from live faces, or both halves of pairs of new people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from difffas.errors import UserError
from factory.corpus.row import LIVE

if TYPE_CHECKING:
    from factory.corpus import Corpus


def are_generated(table: pa.Table) -> np.ndarray:
    """Which rows a generator made; bool (N,). The table has the columns `guide_key` and `generator`."""
    return np.asarray(_known(table, "guide_key") | _known(table, "generator"))


def are_invented(table: pa.Table) -> np.ndarray:
    """Which rows show people whom a generator invented, with no live face or guide behind them; bool (N,)."""
    return np.asarray(_known(table, "generator") & ~_known(table, "guide_key"))


def live_halves(corpus: Corpus, spoofs: pa.Table) -> np.ndarray:
    """Positions of the live halves of spoofs of new people, of the same subject in the same corpus; int64 (N,).

    Raises:
        UserError: naming a spoof whose live half is missing.
    """
    lives = np.flatnonzero(are_invented(corpus.index) & (corpus.column("label") == LIVE))
    people = corpus.index["subject"].cast(pa.string()).take(pa.array(lives)).combine_chunks()
    places = pc.index_in(spoofs["subject"].cast(pa.string()), value_set=people)
    if places.null_count:
        lost = spoofs["key"].filter(places.is_null())[0].as_py()
        raise UserError(f"{corpus.storage.url} lacks the live half of {lost!r}: give the whole corpus of its run")
    return np.asarray(lives[places.to_numpy()])


def _known(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].is_valid().to_numpy())
