"""A node is cut off the network in the middle of a generation; its processes live on for a while and still write."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.chaos.cluster import Cluster, Node
from tests.chaos.namespaces import network
from tests.chaos.processes import find
from tests.chaos.workload import Workload, finished_shards, judge

pytestmark = pytest.mark.soak
SECONDS = 300


def test_a_node_that_is_cut_off_costs_time_only(workload: Workload, reference: dict[str, str], tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    with (
        network(3) as net,  # the head and two workers, each on a machine of its own
        Cluster(2, net.addresses, [net.inside(number) for number in range(3)]) as cluster,
    ):
        driver = cluster.driver(workload.command(out), log)
        deadline = time.monotonic() + SECONDS
        while driver.poll() is None:
            number, lost = max(enumerate(cluster.nodes, 1), key=lambda worker: _work(worker[1]))
            if finished_shards(out) >= 3 and (at_work := lost.workers()):
                net.cut_off(number)
                break
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        assert driver.poll() is None and finished_shards(out) < workload.shards, "it was over before the cut"
        # By the processes, not their titles: a task that ends leaves its process with another one.
        assert any(find(worker.pid) == worker for worker in at_work), "nothing lived on after the cut"
        status = driver.wait(SECONDS)
    assert status == 0, log.read_text()
    verdict = judge(out, workload, reference)
    assert verdict.good, verdict
    assert verdict.written == workload.shards * workload.rows


def _work(node: Node) -> tuple[int, int]:
    """What a node's loss costs. Ray places the generators at random, and some nodes have none."""
    return len(node.generators()), len(node.workers())
