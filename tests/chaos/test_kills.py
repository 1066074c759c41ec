"""One `kill -9` of each kind, at a seeded moment of a generation: nothing is lost, doubled or other than it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.siege import Blow, Siege
from tests.chaos.workload import Workload

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("target", ["driver", "generator", "raylet"])
def test_a_kill_changes_no_byte(target: str, workload: Workload, reference: dict[str, str], tmp_path: Path) -> None:
    blow = Blow(target, after_progress=True, delay=0.7, pick=0.5, replaced_after=1.0)
    report = Siege(0, workload, tmp_path / "out").run([blow], reference)
    assert report.kills == [target], report.log
    assert report.restarts == (target == "driver")
    assert report.good, report
    assert report.verdict is not None and report.verdict.written == workload.shards * workload.rows
