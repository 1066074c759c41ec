"""The batch script of SLURM; stand-ins for `srun` and `scontrol` run every node as processes of this machine."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.corpora import small_rows, write_corpus
from tests.ports import free_port
from tests.root import ROOT

SCRIPT = ROOT / "slurm" / "difffas.sbatch"
SRUN = """#!/bin/bash
# Nodes share this machine: each gets a folder and ports of its own.
while [[ $1 == --* ]]; do [[ $1 == --nodelist=* ]] && node=${1#--nodelist=}; shift; done
if [[ $1 == ray ]]; then
    shift 2
    given=()
    for option in "$@"; do [[ $option == --temp-dir=* ]] && option=$option-$node; given+=("$option"); done
    [[ $node == node0 ]] && given+=(--num-cpus=0)
    set -- PYTHON -m ray.scripts.scripts start "${given[@]}" --num-gpus=0 --object-store-memory=100000000 \\
        --min-worker-port=0 --max-worker-port=0 --dashboard-agent-listen-port=0
fi
exec "$@"
"""


def stand_in(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(text.replace("PYTHON", sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment that SLURM gives a job on two nodes."""
    folder = tmp_path / "bin"
    folder.mkdir()
    stand_in(folder, "srun", SRUN)
    stand_in(folder, "scontrol", "#!/bin/bash\n[[ $* == 'show hostnames node[0-1]' ]] && printf 'node0\\nnode1\\n'\n")
    stand_in(folder, "difffas", '#!/bin/bash\nexec PYTHON -m factory.entry "$@"\n')
    stand_in(folder, "python", '#!/bin/bash\nexec PYTHON "$@"\n')
    number = str(10_000 + secrets.randbelow(1000) * 10_000 + free_port() % 10_000)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    yield {
        **clean,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "SLURM_JOB_ID": number,
        "SLURM_JOB_NODELIST": "node[0-1]",
    }
    for left in Path(tempfile.gettempdir()).glob(f"ray-{number}*"):
        shutil.rmtree(left, ignore_errors=True)


def start(job: dict[str, str], *command: str) -> subprocess.Popen[bytes]:
    """Start the script; it writes into a file, since a process of Ray that outlived it would hold a pipe open."""
    with log_of(job).open("wb") as log:
        return subprocess.Popen(["bash", str(SCRIPT), *command], env=job, stdout=log, stderr=log)


def log_of(job: dict[str, str]) -> Path:
    return Path(job["HOME"]) / "log"


def settings(tmp_path: Path, samples: int) -> list[str]:
    inputs = [f"inputs.live={tmp_path}/real", f"inputs.guides={tmp_path}/real", "inputs.generator=dummy"]
    return [*inputs, f"out={tmp_path}/spoofs", f"plan.samples={samples}", "resources.gpus_per_generator=0"]


def test_the_script_is_one_that_bash_takes() -> None:
    assert subprocess.run(["bash", "-n", str(SCRIPT)], check=False).returncode == 0


@pytest.mark.slow
def test_a_job_makes_a_corpus_and_leaves_nothing_behind(job: dict[str, str], tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows())
    done = start(job, "generate", *settings(tmp_path, 20))
    done.wait(timeout=600)
    text = log_of(job).read_text(errors="replace")
    assert done.returncode == 0, text
    assert "2 of 2 nodes have joined" in text
    assert (tmp_path / "spoofs" / "summary.json").exists()
    assert not list(tmp_path.glob(".difffas-token-*"))
    assert not _processes_of(job["SLURM_JOB_ID"])


@pytest.mark.slow
def test_a_mistake_keeps_its_status(job: dict[str, str], tmp_path: Path) -> None:
    done = start(job, "generate", *settings(tmp_path, 20))
    done.wait(timeout=600)
    text = log_of(job).read_text(errors="replace")
    assert done.returncode == 2, text
    assert "is not a finished corpus" in text


@pytest.mark.slow
@pytest.mark.soak
def test_the_warning_before_the_end_reaches_the_command(job: dict[str, str], tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows())
    running = start(job, "generate", *settings(tmp_path, 1_000_000), "output.rows_per_shard=20")
    deadline = time.monotonic() + 400
    while not list((tmp_path / "spoofs").glob("ledger/*.json")) and time.monotonic() < deadline:
        time.sleep(0.5)
    running.send_signal(signal.SIGTERM)
    running.wait(timeout=120)
    text = log_of(job).read_text(errors="replace")
    assert running.returncode == 128 + signal.SIGTERM, text
    assert not (tmp_path / "spoofs" / "summary.json").exists()
    assert not _processes_of(job["SLURM_JOB_ID"])


def _processes_of(job: str) -> list[str]:
    """Commands of this job's Ray; they need a moment to end."""
    for _ in range(100):
        if not (left := [command for command in _commands() if f"ray-{job}" in command]):
            return []
        time.sleep(0.2)
    return left


def _commands() -> Iterator[str]:
    """The command line of every process; bare machines have no `pgrep`."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            yield place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
