from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.gate import Ratio, best, losses, read_beyond_its_own
from factory.corpus.shards import FORMATS


@pytest.mark.parametrize("container", FORMATS)
def test_a_read_costs_the_bytes_of_its_images(tmp_path: Path, container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_beyond_its_own(tmp_path / "new", container) == 0

    def more(places: Any) -> list[tuple[int, int]]:
        return [(offset, offset + length + 1) for offset, length in sorted(places)]

    monkeypatch.setattr("factory.train.random_reads._spans", more)
    assert read_beyond_its_own(tmp_path / "other", container) > 0


def test_a_ratio_may_be_disturbed_but_not_always() -> None:
    def ratio(*turns: float) -> Ratio:
        return Ratio("ours over theirs", 1.0, iter(turns).__next__)

    assert best(ratio(0.4, 1.2, 5.0)) == 1.2  # high enough: no third turn
    assert best(ratio(0.4, 0.9, 0.7)) == 0.9


def test_every_loss_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "benchmarks.gate.read_beyond_its_own", lambda folder, container: int(container == "webdataset")
    )
    monkeypatch.setattr("benchmarks.gate.scorer_over_piq", lambda: 3.5)
    monkeypatch.setattr("benchmarks.gate.line_over_webdataset", lambda folder: 0.79)
    assert list(losses(tmp_path)) == [False, True, False, True]
    assert "0.79 rows/s, this line over WebDataset (at least 0.8)" in capsys.readouterr().out
