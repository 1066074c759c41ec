"""Training outlives what kills it: workers, drivers and nodes ended by SIGKILL, on a local disk and on S3."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factory.core.errors import Stalled
from factory.storage import Storage
from tests.chaos.cluster import Cluster
from tests.factory.train.test_train import train
from tests.in_process import in_process
from tests.s3 import SECRET_KEY, S3Server

pytestmark = pytest.mark.slow

DRIVER = """
import json, os, sys
from tests.factory.train.test_train import train
given = json.loads(sys.argv[2])
if given.pop("kill_driver", False):
    given |= {"accident": "kill", "driver": os.getpid()}
print("summary", json.dumps(train(sys.argv[1], **given)))
"""


@pytest.fixture(scope="module")
def curve(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[list[float]], list[float]]:
    """Loss curve and last weights of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("kills") / "undisturbed"
    with in_process():
        return train(folder, read_ahead=0)["curve"], weights(Storage(str(folder)))


def weights(storage: Storage) -> list[float]:
    numbers: list[float] = []
    for part in json.loads(storage.read("weights.txt")):
        numbers += part[0] if isinstance(part[0], list) else part
    return numbers


@pytest.mark.parametrize(
    "resources",
    [
        pytest.param({}, id="one"),
        pytest.param({"workers": 2, "parallel": "fsdp2"}, id="two sharded", marks=pytest.mark.soak),
    ],
)
def test_a_killed_worker_is_replaced_and_goes_on_from_the_checkpoint(
    curve: tuple[list[list[float]], list[float]], ray_local: None, tmp_path: Path, resources: dict[str, Any]
) -> None:
    marker = tmp_path / "marker"
    summary = train(tmp_path / "run", accident="kill", accident_at=6, marker=str(marker), **resources)
    assert marker.read_text() == "4"
    losses = [[step, pytest.approx(loss, abs=1e-6)] for step, loss in curve[0]]
    assert summary["curve"] == (losses if resources else curve[0])
    assert weights(Storage(str(tmp_path / "run"))) == pytest.approx(curve[1], abs=1e-6)


@pytest.mark.soak
def test_too_many_lost_workers_end_in_one_line_and_the_run_goes_on_later(
    curve: tuple[list[list[float]], list[float]], ray_local: None, tmp_path: Path
) -> None:
    given = {"accident": "kill", "accident_at": 6, "marker": str(tmp_path / "marker")}
    with pytest.raises(Stalled, match=r"lost more than 0 times .* run the command again"):
        train(tmp_path / "run", max_failures=0, **given)
    assert train(tmp_path / "run", max_failures=0, **given)["curve"] == curve[0]
    assert (tmp_path / "marker").read_text() == "4"


@pytest.mark.soak
def test_a_lost_node_is_done_without(curve: tuple[list[list[float]], list[float]], tmp_path: Path) -> None:
    """The raylet under the worker is killed: another node goes on from the checkpoint, with the same driver."""
    given = {"accident": "node", "accident_at": 6, "marker": str(tmp_path / "marker")}
    with Cluster(workers=2) as cluster:
        driver = cluster.driver([sys.executable, "-c", DRIVER, f"{tmp_path}/run", json.dumps(given)], tmp_path / "log")
        assert driver.wait(300) == 0, (tmp_path / "log").read_text()[-3000:]
        assert len(cluster.living()) == 1
    summary = json.loads((tmp_path / "log").read_text().partition("summary ")[2].splitlines()[0])
    assert (tmp_path / "marker").read_text() == "4"
    assert summary["curve"] == curve[0]
    assert weights(Storage(f"{tmp_path}/run")) == curve[1]


def run_and_resume(
    out: str, marker: Path, environment: dict[str, str], between: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """A driver that is killed at step 6, then the same command again; returns the summary of the second."""
    given = {"kill_driver": True, "accident_at": 6, "marker": str(marker)}
    command = [sys.executable, "-c", DRIVER, out, json.dumps(given)]
    settings = {"env": os.environ | {"RAY_ADDRESS": "local"} | environment, "capture_output": True, "text": True}
    killed = subprocess.run(command, timeout=300, **settings)  # type: ignore[call-overload]
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-3000:]
    between()
    again = subprocess.run(command, timeout=300, **settings)  # type: ignore[call-overload]
    assert again.returncode == 0, again.stderr[-3000:]
    assert SECRET_KEY not in killed.stdout + killed.stderr + again.stdout + again.stderr
    summary: dict[str, Any] = json.loads(again.stdout.partition("summary ")[2])
    return summary


@pytest.mark.soak
def test_a_killed_driver_resumes_and_no_folder_is_taken_for_the_latest(
    curve: tuple[list[list[float]], list[float]], tmp_path: Path
) -> None:
    def plant_an_orphan() -> None:
        """What a worker leaves that died before its checkpoint was recorded: the folder with the latest name."""
        orphan = tmp_path / "run" / "training" / "checkpoint_2999-01-01_00-00-00.000000"
        orphan.mkdir(parents=True)
        (orphan / "course.json").write_text("{}")

    summary = run_and_resume(str(tmp_path / "run"), tmp_path / "marker", {}, plant_an_orphan)
    assert (tmp_path / "marker").read_text() == "4"
    assert summary["curve"] == curve[0]
    assert weights(Storage(str(tmp_path / "run"))) == curve[1]


@pytest.mark.soak
def test_on_s3_a_killed_driver_resumes_too(
    curve: tuple[list[list[float]], list[float]], s3_server: S3Server, s3_bucket: str, tmp_path: Path
) -> None:
    summary = run_and_resume(f"{s3_bucket}/run", tmp_path / "marker", s3_server.environment())
    assert (tmp_path / "marker").read_text() == "4"
    assert summary["curve"] == curve[0]
    storage = Storage(f"{s3_bucket}/run")
    assert weights(storage) == curve[1]
    assert storage.names("tensorboard")
