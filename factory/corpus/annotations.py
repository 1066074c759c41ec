"""Side tables of `difffas annotate`, as readers of a corpus take them: further columns, in the order of the index."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from difffas.errors import UserError
from factory.corpus import Corpus
from factory.run import read_claim, read_summary
from factory.storage import Storage
from factory.tables import plain_parquet

STATION, ANNOTATIONS = "annotate", "annotations.parquet"


def annotations_of(corpus: Corpus, url: str) -> pa.Table:
    """Return the columns of a side table for the rows of a corpus, without `key`, one line per line of its index.

    A corpus that was joined of several, or whose rows were chosen, has the keys of its sources, so their side tables
    serve it where they know all of its keys.

    Raises:
        UserError: if the folder holds no finished side table, or does not know a key of the corpus.
    """
    storage = Storage(url)
    if (station := read_claim(storage)["job"]) != STATION:
        raise UserError(f"{storage.url} holds a run of {station}: give what `difffas annotate` wrote")
    if read_summary(storage) is None:
        raise UserError(f"{storage.url} is not finished: run `difffas annotate` again")
    memory = pa.BufferOutputStream()  # Arrow's own memory, see corpus.read_index
    memory.write(storage.read(ANNOTATIONS))
    with pa.BufferReader(memory.getvalue()) as file:
        table = plain_parquet.read_table(file, storage.path(ANNOTATIONS))
    places = pc.index_in(corpus.index["key"], value_set=table["key"].combine_chunks())
    if unknown := places.null_count:
        key = corpus.index["key"].filter(places.is_null())[0].as_py()
        raise UserError(
            f"{storage.url} does not know {key!r}, nor {unknown - 1} more rows of {corpus.storage.url}: annotate it"
        )
    return table.drop_columns(["key"]).take(places.combine_chunks())
