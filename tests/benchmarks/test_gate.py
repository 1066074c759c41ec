from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.gate import read_beyond_its_own
from factory.corpus.shards import FORMATS


@pytest.mark.parametrize("container", FORMATS)
def test_a_read_costs_the_bytes_of_its_images(tmp_path: Path, container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_beyond_its_own(tmp_path / "new", container) == 0

    def more(places: Any) -> list[tuple[int, int]]:
        return [(offset, offset + length + 1) for offset, length in sorted(places)]

    monkeypatch.setattr("factory.train.random_reads._spans", more)
    assert read_beyond_its_own(tmp_path / "other", container) > 0
