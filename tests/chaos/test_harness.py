"""The harness itself: that it kills what it means to kill, and that it would see a run that went wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.page import line, page
from tests.chaos.processes import Process, find, kill_all, start
from tests.chaos.siege import Report, schedule
from tests.chaos.workload import Verdict, Workload, judge

PARENT = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time; time.sleep(60)", "grandchild"])
"""


def test_processes_are_found_below_their_parent_and_killed_once(tmp_path: Path) -> None:
    started = start([sys.executable, "-c", PARENT], tmp_path / "log", os.environ)
    try:
        top = find(started.pid)
        assert top is not None
        deadline = time.monotonic() + 30
        while not any("grandchild" in below.title for below in top.children()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        (child,) = top.descendants()
        assert top in find_parent(os.getpid()).children()
        assert not Process(child.pid, child.started - 1).kill(), "another process with this number was killed"
        assert child.kill()
        assert started.wait(10) == 0
        assert not child.kill() and not top.kill()
        assert child.title == ""
    finally:
        started.kill()
        started.wait()


def find_parent(pid: int) -> Process:
    found = find(pid)
    assert found is not None
    return found


def test_what_is_killed_is_gone_when_the_call_returns(tmp_path: Path) -> None:
    started = [start([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "log", {}) for _ in range(2)]
    kill_all(find_parent(process.pid) for process in started)
    assert [find(process.pid) for process in started] == [None, None]
    assert [process.wait() for process in started] == [-9, -9]


def test_a_seed_fixes_the_kills() -> None:
    assert schedule(3, 10) == schedule(3, 10)
    assert schedule(3, 10)[:4] == schedule(3, 4)
    assert schedule(3, 10) != schedule(4, 10)
    assert {blow.target for blow in schedule(1, 100)} == {"driver", "generator", "raylet"}


GOOD = Verdict(planned=10, written=9, rejected=1, duplicates=0, equal=True, leftovers=1, problems=[])


@pytest.mark.parametrize(
    "wrong", [{"written": 8}, {"duplicates": 1}, {"equal": False}, {"problems": ["a file is missing"]}], ids=str
)
def test_the_page_says_what_went_wrong(wrong: dict[str, Any], tmp_path: Path) -> None:
    good = Report(1, ["driver", "raylet", "(worker)"], 1, 12.3, 0, GOOD)
    assert good.good
    assert line(good) == "| 1 | D R (worker) | 1 | 12 | 10 / 9 / 1 | 0 | yes | 1 | good |"
    bad = dataclasses.replace(good, seed=2, verdict=dataclasses.replace(GOOD, **wrong))
    assert not bad.good
    assert "**bad**" in line(bad)
    assert "| **exit status 3** |" in line(dataclasses.replace(good, status=3, verdict=None))
    assert "4 kills: 2 of a driver, 0 of a generator, 2 of a raylet. 1 of 2 runs are good." in page(
        [Report(0, status=0, verdict=GOOD), good, bad], Workload(tmp_path), 10
    )


def changed_byte(out: Path) -> None:
    file = out / "data" / "spoof-train-000002.tar"
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    file.write_bytes(content)


def lost_file(out: Path) -> None:
    (out / "data" / "spoof-train-000002.parquet").unlink()


def torn_record(out: Path) -> None:
    (out / "ledger" / "train-000002.json").write_text("{")


def foreign_file(out: Path) -> None:
    shutil.copy(out / "data" / "spoof-train-000002.tar", out / "data" / "spoof-train-000099.tar")


def doubled_shard(out: Path) -> None:
    record = json.loads((out / "ledger" / "train-000002.json").read_text())
    (out / "ledger" / "train-000003.json").write_text(json.dumps({**record, "shard": "train-000003"}))


@pytest.mark.slow
@pytest.mark.parametrize("damage", [changed_byte, lost_file, foreign_file, doubled_shard, torn_record])
def test_the_judge_sees_damage(
    damage: Callable[[Path], None], workload: Workload, undisturbed: Path, reference: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    assert judge(out, workload, reference).good
    damage(out)
    verdict = judge(out, workload, reference)
    assert not verdict.good
    assert verdict.problems
    assert (verdict.duplicates > 0) == (damage is doubled_shard)
