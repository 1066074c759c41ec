"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs for development, which the project may not ship; skips where they are absent."""
    folder = Path(os.environ.get("DIFFFAS_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no development photographs at {folder}: set DIFFFAS_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def ray_local() -> Iterator[None]:
    """A Ray instance of this session's own, ended with it."""
    from factory import cluster

    os.environ["RAY_ADDRESS"] = "local"
    cluster.connect(num_cpus=2)
    yield
    import ray

    ray.shutdown()
