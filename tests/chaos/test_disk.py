"""What a disk can do to a generation: be full, be read-only, lose half a record. And two drivers on one folder."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.workload import Workload, finished_shards, hashes, judge

pytestmark = pytest.mark.slow
SECONDS = 300


class Line:
    """`difffas generate` on a cluster that all tests here share."""

    def __init__(self, cluster: Cluster, workload: Workload, folder: Path) -> None:
        self._cluster, self.workload, self._folder, self._runs = cluster, workload, folder, 0

    def start(self, out: Path) -> Callable[[], tuple[int, list[str]]]:
        """Start it; the call returns when it ended, with its exit status and its error lines."""
        self._runs += 1
        log = self._folder / f"log-{self._runs}"
        driver = self._cluster.driver(self.workload.command(out), log)

        def end() -> tuple[int, list[str]]:
            status = driver.wait(SECONDS)
            text = log.read_text(errors="replace")
            assert "Traceback" not in text, text
            return status, [line for line in text.splitlines() if line.startswith("difffas: error: ")]

        return end

    def run(self, out: Path) -> tuple[int, list[str]]:
        """Start it and wait: exit status and error lines."""
        return self.start(out)()


@pytest.fixture(scope="module")
def line(workload: Workload, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with Cluster() as cluster:
        yield Line(cluster, workload, tmp_path_factory.mktemp("lines"))


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A file system in memory at `folder`; the call mounts it again with other options. Skips where not permitted."""
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if made.returncode:
        pytest.skip(f"mounts are not permitted here: {made.stderr.decode().strip()}")

    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)

    try:
        yield remount
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.soak
def test_a_full_disk_ends_the_run_in_one_line_and_costs_no_byte(
    line: Line, undisturbed: Path, reference: dict[str, str], tmp_path: Path
) -> None:
    size = sum(file.stat().st_size for file in (undisturbed / "data").iterdir())
    out = tmp_path / "disk" / "out"
    with mounted(out.parent, f"{size // 2}") as remount:
        status, errors = line.run(out)
        assert status == 2
        (error,) = errors
        assert "No space left" in error and "run the command again" in error
        assert 0 < len(hashes(out)) < len(reference)
        remount(f"size={4 * size}")
        assert line.run(out) == (0, [])
        verdict = judge(out, line.workload, reference)
        assert verdict.good, verdict
        assert verdict.leftovers == 0  # a writer that meets a full disk cleans up after itself


@pytest.mark.soak
def test_a_read_only_disk_is_one_line_and_costs_no_byte(line: Line, reference: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "disk" / "out"
    with mounted(out.parent, "64m") as remount:
        remount("ro")  # before the run
        status, errors = line.run(out)
        assert status == 5
        (error,) = errors
        assert "Read-only file system" in error and str(out) in error

        remount("rw")
        end = line.start(out)
        deadline = time.monotonic() + SECONDS
        while finished_shards(out) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        _read_only(remount)  # and in its middle
        status, errors = end()
        assert status == 2
        (error,) = errors
        assert "Read-only file system" in error and "run the command again" in error
        assert 0 < len(hashes(out)) < len(reference)

        remount("rw")
        assert line.run(out) == (0, [])
        verdict = judge(out, line.workload, reference)
        assert verdict.good, verdict


def _read_only(remount: Callable[[str], None]) -> None:
    """At a moment when no file is open for writing: only then does Linux do it."""
    for _ in range(1000):
        with contextlib.suppress(subprocess.CalledProcessError):
            return remount("ro")
        time.sleep(0.01)
    raise AssertionError("the disk was never idle")


@pytest.mark.soak
def test_half_a_ledger_record_is_named_and_mended(
    line: Line, undisturbed: Path, reference: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    for name in ("summary.json", "index.parquet"):  # as it was before its end
        (out / name).unlink()
    record = out / "ledger" / "train-000003.json"
    record.write_bytes(record.read_bytes()[:100])
    kept, lost = out / "data" / "spoof-train-000003.parquet", out / "data" / "spoof-train-000003.tar"
    lost.unlink()
    before = kept.stat()

    status, errors = line.run(out)
    assert status == 2
    assert errors == [f"difffas: error: {record} is corrupt: delete it and run the command again"]

    record.unlink()
    assert line.run(out) == (0, [])
    verdict = judge(out, line.workload, reference)
    assert verdict.good, verdict
    after = kept.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), "the file there was not adopted"


@pytest.mark.soak
def test_two_drivers_at_once_share_the_work(line: Line, reference: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    ends = [line.start(out), line.start(out)]
    assert [end() for end in ends] == [(0, []), (0, [])]
    verdict = judge(out, line.workload, reference)
    assert verdict.good, verdict
    assert verdict.leftovers == 0
