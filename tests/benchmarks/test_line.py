from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.line import _steady


def note(folder: Path, number: int, *span: float) -> None:
    (folder / f"train-{number:06d}.json").write_text(json.dumps(span))


def test_generators_that_never_wait_give_a_ratio_of_one(tmp_path: Path) -> None:
    for turn in range(10):
        note(tmp_path, turn, 1, 2.0 * turn, 2.0 * turn + 2.0, 100)
        note(tmp_path, 50 + turn, 2, 5 + 2.0 * turn, 5 + 2.0 * turn + 2.0, 100)  # its process began five seconds later
    rate, start = _steady(tmp_path, 2)
    assert start == 5
    # 2 × 50 images/s while both have work: the first has none left in the last 3 of 18 s.
    assert rate == pytest.approx(50 * (15 + 18) / 18)


def test_a_generator_that_waits_costs_what_it_waits(tmp_path: Path) -> None:
    for turn in range(10):
        note(tmp_path, turn, 1, 2.5 * turn, 2.5 * turn + 2.0, 100)
    assert _steady(tmp_path, 1)[0] == pytest.approx(40)


def test_a_generator_without_work_is_no_measurement(tmp_path: Path) -> None:
    note(tmp_path, 0, 1, 0.0, 2.0, 100)
    with pytest.raises(AssertionError, match="1 of 2"):
        _steady(tmp_path, 2)
