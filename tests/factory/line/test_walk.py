"""Shards through an actor pool: what is there is kept. On real Ray: tests of `audit` and `annotate`, which walk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.line.walk import place_of, walk
from factory.storage import Storage


def test_where_every_table_is_there_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*given: Any) -> Any:
        raise AssertionError("a finished walk asks no cluster")

    monkeypatch.setattr("factory.cluster.connect", never)
    out = Storage(str(tmp_path))
    for shard in ("a", "b"):
        out.create(place_of("real", shard), b"a table")
    walk("audit", out, "real", ["a", "b"], never, object, never, workers=1, gpus=0.0)
    with pytest.raises(AssertionError, match="asks no cluster"):
        walk("audit", out, "real", ["a", "b", "c"], never, object, never, workers=1, gpus=0.0)
