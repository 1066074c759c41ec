"""A generation on a cluster that starts with a head alone, grows as it needs, and shrinks when it is done."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from pathlib import Path

import pytest

from factory.line.events import read_events
from factory.storage import Storage
from tests.chaos.autoscaled import AutoscaledCluster
from tests.chaos.workload import Workload, judge

pytestmark = pytest.mark.soak
SECONDS = 240
TYPES = {
    "generators": {"resources": {"CPU": 2, "GPU": 1}, "labels": {"pool": "generators"}, "max_workers": 2},
    "scorers": {"resources": {"CPU": 2}, "labels": {"pool": "cpu"}, "max_workers": 1},
}
SETTINGS = [
    "resources.generators=[1, 2]",
    "resources.gpus_per_generator=1",  # the cluster has none when it starts; they are numbers to Ray, not devices
    "resources.generator_labels={pool: generators}",
    "resources.task_labels={pool: cpu}",
]


def test_nodes_come_when_they_are_needed_and_go_when_they_idle(
    workload: Workload, reference: dict[str, str], tmp_path: Path
) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    with AutoscaledCluster(TYPES) as cluster:
        deadline = time.monotonic() + SECONDS
        driver = cluster.driver([*workload.command(out), *SETTINGS], log)
        ran: dict[str, set[str]] = defaultdict(set)  # functions by the pool of the node
        while driver.poll() is None:
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            for raylet in cluster.raylets():
                labels = re.search(r"--labels=(\{.*?\})", raylet.title)  # none once it has gone
                pool = json.loads(labels[1]).get("pool", "head") if labels else "gone"
                ran[pool].update(*(re.findall(r"Map\((\w+)\)", child.title) for child in raylet.children()))
            time.sleep(0.2)
        assert driver.returncode == 0, log.read_text()[-3000:]
        assert len(cluster.raylets()) > 1
        while len(cluster.raylets()) > 1:
            assert time.monotonic() < deadline, "nodes that idle are not given back"
            time.sleep(0.2)
    verdict = judge(out, workload, reference)
    assert verdict.good, verdict
    assert ran["generators"] == {"GenerateShard"}
    assert ran["cpu"] <= {"read_shard", "_finish"} and "_finish" in ran["cpu"]
    assert ran["head"] == set()
    seen = [event for event in read_events(Storage(str(out))) if event["event"] == "cluster"]
    assert (seen[0]["nodes"], seen[0]["gpus"]) == (1, 0)
    assert max(event["gpus"] for event in seen) >= 1
    assert max(event["nodes"] for event in seen) >= 3
