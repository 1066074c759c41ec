from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.corpora import small_rows, write_corpus
from difffas.errors import UserError
from factory.corpus.references import places_of


def test_references_lead_to_the_rows_that_they_name(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "real", small_rows())
    keys = corpus.column("key").tolist()
    wanted = [keys[5], keys[0], keys[5]]
    assert places_of(pa.table({"live_key": wanted}), "live_key", corpus).tolist() == [5, 0, 5]
    with pytest.raises(UserError, match=r"does not hold 'gone', the live_key of a generated row, nor those of 1 more"):
        places_of(pa.table({"live_key": [keys[0], "gone", "lost"]}), "live_key", corpus)
