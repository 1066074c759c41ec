"""A node is cut off the network in the middle of a generation; its processes live on for a while and still write."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.namespaces import network
from tests.chaos.workload import Workload, finished_shards, judge

pytestmark = pytest.mark.soak
SECONDS = 300


def test_a_node_that_is_cut_off_costs_time_only(workload: Workload, reference: dict[str, str], tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    with network(2) as net:
        here, there = (net.addresses[0], net.inside(0)), (net.addresses[1], net.inside(1))
        machines = [here, here, there]  # the head and one worker stay together
        with Cluster(2, [address for address, _ in machines], [inside for _, inside in machines]) as cluster:
            driver = cluster.driver(workload.command(out), log)
            lost = cluster.nodes[1]
            deadline = time.monotonic() + SECONDS
            while (finished_shards(out) < 3 or not lost.workers()) and driver.poll() is None:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            assert finished_shards(out) < workload.shards, "it was over before the network was cut"
            net.cut_off(1)
            assert lost.workers(), "nothing ran on the node that was cut off"
            status = driver.wait(SECONDS)
    assert status == 0, log.read_text()
    verdict = judge(out, workload, reference)
    assert verdict.good, verdict
    assert verdict.written == workload.shards * workload.rows
