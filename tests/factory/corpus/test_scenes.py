"""The columns of the scenes' table, by which its readers go."""

from __future__ import annotations

import pyarrow as pa

from factory.corpus.scenes import SCENES, SCHEMA


def test_it_is_joined_with_the_index_by_key() -> None:
    assert SCENES.name == "scenes.parquet" and SCENES.folder == "scenes"
    assert SCHEMA.names[:2] == ["key", "live_key"]
    assert set(SCHEMA.types) == {pa.string(), pa.float64()}
