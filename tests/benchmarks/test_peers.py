"""What the comparison with other tools counts: rows, copies and files, in whole and in broken folders."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.corpora import row
from benchmarks.peers.__main__ import found_tools, median
from benchmarks.peers.trial import TOOLS, descendants, end, held
from benchmarks.peers.work import BATCH, batches
from factory.corpus.shards import FORMATS


def test_rows_are_counted_by_key_and_files_by_content(tmp_path: Path) -> None:
    for name, keys in (("a", ["x", "y"]), ("b", ["y", "z"]), ("copy", ["x", "y"])):
        pq.write_table(pa.table({"key": keys}), tmp_path / f"{name}.parquet")
    (tmp_path / "torn.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-9])
    found = held(tmp_path, "*.parquet")
    assert found.keys == {"x": 2, "y": 3, "z": 1}
    assert sorted(found.digests.values()) == [1, 1, 2]


@pytest.mark.parametrize(("share", "rows"), [(1.0, 4), (0.6, 2)])
def test_a_torn_tar_gives_the_rows_before_the_damage(tmp_path: Path, share: float, rows: int) -> None:
    data = FORMATS["webdataset"].to_bytes([row(number) for number in range(4)])
    members = data.rstrip(b"\0")
    (tmp_path / "a.tar").write_bytes(members[: int(len(members) * share)] if share < 1 else data)
    assert held(tmp_path, "*.tar").keys.total() == rows


def test_a_kill_leaves_no_process_behind() -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    process = subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
    while not (below := descendants(process.pid)):
        time.sleep(0.05)
    end(process)
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() and "Z" not in _state(pid) for pid in below):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_a_tool_that_is_not_installed_is_said(tmp_path: Path) -> None:
    (tool, _, version) = found_tools(["daft_frame"], sys.executable)[0]
    assert tool in TOOLS and version is None


def test_batches_cover_every_row() -> None:
    assert [len(range(100)[part]) for part in batches(100)] == [BATCH] * 6 + [4]
    assert median([3.0, 1.0, 2.0]) == 2.0
