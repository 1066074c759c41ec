"""What the tests under fire share: inputs, and the bytes of an undisturbed run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.siege import Siege
from tests.chaos.workload import Workload, hashes


@pytest.fixture(scope="session")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    """A smaller one than that of `make chaos`."""
    return Workload(tmp_path_factory.mktemp("workload"), shards=16, rows=12, steps=6).prepare()


@pytest.fixture(scope="session")
def undisturbed(workload: Workload) -> Path:
    """The folder of a run that nothing happened to."""
    out = workload.folder / "undisturbed"
    report = Siege(0, workload, out).run([], None)
    assert report.good, report
    return out


@pytest.fixture(scope="session")
def reference(undisturbed: Path) -> dict[str, str]:
    """sha256 of every file in its `data/`."""
    return hashes(undisturbed)
