"""Run one tool: its rate and memory, and what ten kills leave of its rows and files."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import tarfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from benchmarks.peers.work import LOG

WARM = 0.2  # share of the rows after which the rate is measured
LONGEST = 900.0  # seconds of one attempt
TICK = 0.1
STARTS = 5  # on a busy machine Ray now and then fails to start; nothing was made then, and the command is run again


class Tool(NamedTuple):
    """One way to do the work."""

    name: str
    module: str  # in this package
    package: str  # what must be importable, and whose version the table names
    files: str  # pattern of the files that hold rows, below the output folder


TOOLS = (
    Tool("this line", "line", "ray", "data/*.parquet"),
    Tool("Ray Data, own writer and checkpoint", "ray_data", "ray", "*.parquet"),
    Tool("Daft", "daft_frame", "daft", "*.parquet"),
    Tool("webdataset + multiprocessing", "webdataset_pool", "webdataset", "*.tar"),
    Tool("datatrove", "datatrove_tasks", "datatrove", "*.parquet"),
    Tool("img2dataset's writer + multiprocessing", "img2dataset_writer", "img2dataset", "*.tar"),
)


class Held(NamedTuple):
    """What an output folder holds."""

    keys: Counter[str]  # rows that a reader finds, by key
    digests: Counter[str]  # sha256 of the files, whatever their names


class Calm(NamedTuple):
    """A run that nobody disturbed."""

    rate: float  # rows/s, after warming up
    megabytes: float  # peak of all processes' memory, shared pages counted once
    seconds: float  # from the first batch to the last file
    held: Held


class Killed(NamedTuple):
    """A run that was killed and begun again until it ended by itself."""

    kills: int
    lost: int  # rows that are missing at the end
    duplicated: int  # rows beyond the first of their key
    differing: int  # files of the calm run without a file of equal bytes
    made: float  # rows that went through the model, over the rows of the source


def calm(tool: Tool, python: str, source: str, folder: Path, rows: int) -> Calm:
    """Run to the end, sampling memory."""
    out, log = folder / tool.module, folder / f"{tool.module}.log"
    for _ in range(STARTS):
        process = _start(tool, python, source, out, log)
        megabytes = 0.0
        while process.poll() is None:
            megabytes = max(megabytes, sum(map(_megabytes, [process.pid, *descendants(process.pid)])))
            time.sleep(0.5)
        if not process.returncode or _notes(log):
            break
    if process.returncode:
        raise RuntimeError(f"{tool.name} ended with {process.returncode}: {_tail(log)}")
    ends = max(path.stat().st_mtime for path in out.rglob(tool.files))
    times, counts = zip(*_notes(log), strict=True)
    warm, passed = 0, 0
    while passed < WARM * rows:
        passed += counts[warm]
        warm += 1
    return Calm((rows - passed) / (ends - times[warm - 1]), megabytes, ends - times[0], held(out, tool.files))


def killed(
    tool: Tool, python: str, source: str, folder: Path, before: Calm, kills: int, seed: int, rows: int
) -> Killed:
    """Kill every process of the run at seeded moments, each time while rows are made; run it again until it ends.

    A kill comes after 0 to 2/(kills + 1) of the calm run's time since the attempt's first batch: a tool that loses
    nothing is struck by about all of them.
    """
    rng, struck, failed = random.Random(seed), 0, 0
    out, log = folder / f"{tool.module}-killed", folder / f"{tool.module}-killed.log"
    delays = [rng.uniform(0, 2 * before.seconds / (kills + 1)) for _ in range(kills)]
    while True:
        delay = delays[struck] if struck < kills else None
        notes = len(_notes(log))
        process = _start(tool, python, source, out, log)
        began, deadline = None, time.time() + LONGEST
        while process.poll() is None and time.time() < deadline:
            if began is None and len(_notes(log)) > notes:
                began = time.time()
            if delay is not None and began is not None and time.time() - began >= delay:
                break
            time.sleep(TICK)
        if process.poll() == 0:
            break
        if process.poll() is not None and began is None and failed < STARTS:
            failed += 1
            continue
        if process.poll() is not None:
            raise RuntimeError(f"{tool.name} ended with {process.returncode} after {struck} kills: {_tail(log)}")
        end(process)
        if delay is None:
            raise RuntimeError(f"{tool.name} did not end in {LONGEST:.0f} s")
        struck += 1
    found = held(out, tool.files)
    return Killed(
        struck,
        lost=len(before.held.keys - found.keys),
        duplicated=found.keys.total() - len(found.keys),
        differing=(before.held.digests - found.digests).total(),
        made=sum(count for _, count in _notes(log)) / rows,
    )


def held(out: Path, pattern: str) -> Held:
    """What a folder holds; a file that cannot be read to its end gives the rows before the damage."""
    keys, digests = Counter[str](), Counter[str]()
    for path in sorted(out.rglob(pattern)):
        digests[hashlib.sha256(path.read_bytes()).hexdigest()] += 1
        with contextlib.suppress(OSError, ValueError, tarfile.TarError):
            keys.update(
                _tar_keys(path) if path.suffix == ".tar" else pq.read_table(path, columns=["key"])["key"].to_pylist()
            )
    return Held(keys, digests)


def _tar_keys(path: Path) -> list[str]:
    found = []
    with contextlib.suppress(tarfile.TarError), tarfile.open(path) as tar:
        found += [member.name.removesuffix(".png") for member in tar if member.name.endswith(".png")]
    return found


def _start(tool: Tool, python: str, source: str, out: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [python, "-m", f"benchmarks.peers.{tool.module}", source, str(out)]
    environment = {**os.environ, LOG: str(log), "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    with log.with_suffix(".txt").open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, env=environment, start_new_session=True)


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for the process and all below it, whatever groups they are in."""
    for pid in [process.pid, *descendants(process.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def descendants(pid: int) -> list[int]:
    """Processes that this one started, and theirs."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, fresh = set[int](), {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return sorted(found)


def _megabytes(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return float(line.split()[1]) / 1024
    return 0.0


def _notes(log: Path) -> list[tuple[float, int]]:
    """Times and sizes of the batches that went through the model."""
    if not log.exists():
        return []
    lines = [line.split() for line in log.read_text().splitlines()]
    return sorted((float(when), int(count)) for when, count in lines)


def _tail(log: Path) -> str:
    return log.with_suffix(".txt").read_text(errors="replace")[-2000:]
