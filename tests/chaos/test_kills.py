"""One `kill -9` of each kind, at a seeded moment of a generation: nothing is lost, doubled or other than it was."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.chaos.siege import Blow, Siege
from tests.chaos.workload import Rendering, Workload, hashes

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("target", ["driver", "generator", "raylet"])
def test_a_kill_changes_no_byte(target: str, workload: Workload, reference: dict[str, str], tmp_path: Path) -> None:
    blow = Blow(target, after_progress=True, delay=0.7, pick=0.5, replaced_after=1.0)
    report = Siege(0, workload, tmp_path / "out").run([blow], reference)
    assert report.kills == [target], report.log
    assert report.restarts == (target == "driver")
    assert report.good, report
    assert report.verdict is not None and report.verdict.written == workload.shards * workload.rows


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """sha256 of every file in `data/` of a rendering that nothing happened to."""
    out = tmp_path_factory.mktemp("rendered") / "undisturbed"
    report = Siege(0, Rendering(out.parent, shards=8), out).run([], None)
    assert report.good, report
    return hashes(out)


@pytest.mark.soak
@pytest.mark.parametrize("target", ["driver", "raylet"])
def test_a_kill_changes_no_byte_of_a_rendering(target: str, rendered: dict[str, str], tmp_path: Path) -> None:
    workload = Rendering(tmp_path, shards=8)
    blow = Blow(target, after_progress=True, delay=0.7, pick=0.5, replaced_after=1.0)
    report = Siege(0, workload, tmp_path / "out").run([blow], rendered)
    assert report.kills == [target], report.log
    assert report.restarts == (target == "driver")
    assert report.good, report
    scenes = pq.read_table(tmp_path / "out" / "scenes.parquet")
    assert len(set(scenes["key"].to_pylist())) == len(scenes) == workload.shards * workload.rows
