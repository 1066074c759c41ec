"""The columns of the scenes' table, by which its readers go."""

from __future__ import annotations

import pyarrow as pa

from factory.corpus.scenes import MEANINGS, SCENES, SCHEMA
from tests.root import ROOT


def test_it_is_joined_with_the_index_by_key() -> None:
    assert SCENES.name == "scenes.parquet" and SCENES.folder == "scenes"
    assert SCHEMA.names[:2] == ["key", "live_key"]
    assert set(SCHEMA.types) == {pa.string(), pa.float64()}


def test_the_manual_explains_every_column() -> None:
    manual = (ROOT / "docs" / "world.md").read_text(encoding="utf-8")
    assert "\n".join(f"| `{name}` | {meaning} |" for name, meaning in MEANINGS.items()) in manual
    assert list(MEANINGS) == SCHEMA.names
