from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from tests.root import ROOT


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_same_code_runs_on_the_cpu() -> None:
    done = run("--cpu-smoke")
    assert done.returncode == 0, done.stderr
    assert "`exact` 0.0e+00 (mean 0.0e+00)" in done.stdout
    assert "BRISQUE against the CPU, greatest difference of a score: 0.0e+00." in done.stdout
    assert "BRISQUE here" in done.stdout
    rows = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines() if line.startswith("| ")]
    assert rows[0][1] == "path"
    assert [row[1] for row in rows[1:]] == [
        "sampling, reference",
        "sampling, exact",
        "sampling, balanced",
        "sampling, fast",
        "sampling, student",
        "sampling, student-2",
        "training, reference",
        "training, ours",
    ]
    assert all(float(row[4]) > 0 and float(row[5]) > 0 for row in rows[1:])


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_says_so() -> None:
    done = run()
    assert done.returncode == 1
    assert done.stderr.startswith("no CUDA device here")
    assert not done.stdout
