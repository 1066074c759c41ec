"""Machines that are lent: one comes back, one is told that it will be taken away."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.line.events import read_events
from factory.storage import Storage
from tests.chaos.cluster import Cluster
from tests.chaos.workload import Workload, finished_shards, judge
from tests.metadata import in_seconds, metadata_service
from tests.root import ROOT

pytestmark = pytest.mark.soak
SECONDS = 150


def wait(condition: Callable[[], bool], driver: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert driver.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.05)


def test_a_node_that_comes_back_is_used(workload: Workload, reference: dict[str, str], tmp_path: Path) -> None:
    """The only worker node dies, so that nothing can go on without the one that takes its place."""
    out, log = tmp_path / "out", tmp_path / "log"
    with Cluster(1) as cluster:
        driver = cluster.driver(workload.command(out), log)
        wait(lambda: finished_shards(out) >= 3, driver, log)
        assert cluster.nodes[0].kill_raylet()
        left = finished_shards(out)
        assert left < workload.shards, "it was over before the node died"
        back = cluster.add_node()
        wait(lambda: bool(back.workers()), driver, log)  # tasks, which need its CPUs: the head has none
        assert driver.wait(SECONDS) == 0, log.read_text()[-3000:]
    verdict = judge(out, workload, reference)
    assert verdict.good, verdict
    seen = [event for event in read_events(Storage(str(out))) if event["event"] == "cluster"]
    assert seen[0]["nodes"] == seen[-1]["nodes"] == 2
    assert sum(event["went"] for event in seen) == 1, "the run's log tells of it"
    assert sum(event["came"] for event in seen) == 3


def test_a_node_that_got_its_notice_gets_nothing_new(
    workload: Workload, reference: dict[str, str], tmp_path: Path
) -> None:
    """The notice comes from a metadata service; then the machine goes, as it was said."""
    out, log = tmp_path / "out", tmp_path / "log"
    with Cluster(2) as cluster:
        driver = cluster.driver(workload.command(out), log)
        doomed = cluster.nodes[0]
        wait(lambda: finished_shards(out) >= 2 and bool(doomed.workers()), driver, log)
        raylet = doomed.raylet()
        assert raylet is not None
        (node_id,) = re.findall(r"--node_id=([0-9a-f]+)", raylet.title)
        with metadata_service([None, in_seconds(110)]) as url:
            watching = ["factory.cluster.spot", f"--metadata={url}", "--every=0.1", f"--node-id={node_id}"]
            address = f"--address={cluster.environment['RAY_ADDRESS']}"
            assert "spot: draining, " in run(cluster, [sys.executable, "-m", *watching, address])
        assert node_id not in run(cluster, [sys.executable, "-c", WHERE]).split()
        doomed.kill_raylet()
        assert driver.wait(SECONDS) == 0, log.read_text()[-3000:]
    verdict = judge(out, workload, reference)
    assert verdict.good, verdict


# Ten tasks at once on nodes with CPUs for four: whoever may, gets some.
WHERE = """
import ray, time
ray.init(log_to_driver=False, logging_level="ERROR")
@ray.remote(num_cpus=0.2)
def where():
    time.sleep(0.5)
    return ray.get_runtime_context().get_node_id()
print(*ray.get([where.remote() for _ in range(10)]))
"""


def run(cluster: Cluster, command: list[str]) -> str:
    """What a command says, as one on the cluster."""
    done = subprocess.run(command, env=cluster.environment, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    return (done.stdout or done.stderr).strip().splitlines()[-1]
