"""Remarks on plans that repeat samples or make more files than the Hub takes, and on images of another size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.generate.remarks import another_side, remarks
from factory.storage.embedded import PORTRAIT, RENDERED


class Planned:
    """As much of a plan as remarks look at."""

    def __init__(self, samples: int, distinct: int, shards: int) -> None:
        self.samples, self._distinct, self.shard_count = samples, distinct, shards

    def __len__(self) -> int:
        return self.samples

    def distinct(self) -> int:
        return self._distinct

    def sizes(self) -> dict[str, int]:
        return {"train": self.samples}


@pytest.mark.parametrize(
    ("plan", "formats", "expected"),
    [
        (Planned(1000, 1000, 10), 1, []),
        (Planned(1000, 999, 10), 1, ["1,000 samples, of which 999 are distinct"]),
        (Planned(10**6, 10**6, 10_001), 1, ["data/ has 10,001 files"]),
        (Planned(10**6, 10**6, 5_001), 2, ["data/ has 10,002 files"]),
        (Planned(10**6, 10**5, 10_001), 1, ["1,000,000 samples, of which 100,000", "data/ has 10,001 files"]),
    ],
)
def test_each_consequence_has_its_remark(plan: Any, formats: int, expected: list[str]) -> None:
    found = remarks(plan, formats)
    assert len(found) == len(expected)
    assert all(line.startswith(beginning) for line, beginning in zip(found, expected, strict=True))


@pytest.mark.parametrize("name", [PORTRAIT, RENDERED])
def test_images_of_another_side_than_the_generator_learned_are_told(name: str) -> None:
    assert another_side(name, 64) == []
    (told,) = another_side(name, 128)
    assert told.startswith("images have side 128") and "was fitted on 64" in told and told.endswith("with size 64")


def test_what_has_learned_nothing_has_no_side(tmp_path: Path) -> None:
    assert another_side("recolour", 128) == another_side(str(tmp_path), 128) == []
