"""Jobs on a real cluster of a head and two nodes, over its dashboard, with a token: submitted, followed, stopped."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.corpus import Corpus
from tests.chaos.cluster import RAY, Cluster
from tests.root import ROOT

pytestmark = pytest.mark.slow

# A wheel whose `difffas` writes what it was asked, and ends as its configuration's seed says.
SPEAKING = """
import json, sys, time
from pathlib import Path
config = json.loads(Path(sys.argv[3]).read_text())
print("asked for", sys.argv[1], config["out"], flush=True)
seed = config["plan"]["seed"]
time.sleep(seed if seed >= 100 else 0)
sys.exit(seed)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(workers=2, dashboard=True) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wheel") / "difffas_factory-0.0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("difffas/__init__.py", "factory/__init__.py"):
            archive.writestr(name, "")
        archive.writestr("factory/entry.py", SPEAKING)
    return path


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpora") / "real"
    write_corpus(folder, small_rows())
    return folder


def difffas(
    cluster: Cluster, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    given = environment or {**cluster.environment, "RAY_API_SERVER_ADDRESS": str(cluster.dashboard)}
    command = [sys.executable, "-m", "factory.entry", *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(given), capture_output=True, text=True, timeout=150, check=False)


def settings(real: Path, out: Path, *more: str) -> list[str]:
    inputs = [f"inputs.live={real}", f"inputs.guides={real}", "inputs.generator=dummy", f"out={out}"]
    return [*inputs, "plan.samples=24", "output.rows_per_shard=6", "resources.gpus_per_generator=0", *more]


def one_line(done: subprocess.CompletedProcess[str], status: int = 2) -> str:
    assert done.returncode == status, done.stdout + done.stderr
    ours = [line for line in done.stderr.splitlines() if not line.startswith("submit: ")]
    lines = [line for line in ours if "gcs_client.cc" not in line]  # Ray's core has a line of its own
    assert len(lines) == 1 and lines[0].startswith("difffas: error: "), done.stderr
    return lines[0]


def job_of(done: subprocess.CompletedProcess[str]) -> str:
    found = re.match(r"(\S+) is submitted", done.stdout)
    assert found, done.stdout + done.stderr
    return found[1]


def test_a_generation_is_followed_to_its_end_and_a_second_one_is_a_no_op(
    cluster: Cluster, real: Path, tmp_path: Path
) -> None:
    given = ["submit", "generate", *settings(real, tmp_path / "spoofs")]
    first = difffas(cluster, *given)
    assert first.returncode == 0, first.stdout + first.stderr
    name = job_of(first)
    assert re.fullmatch(r"generate-[0-9a-f]{16}", name)
    assert re.search(r"^generate: (\d)/\1 shards · 24 images", first.stdout, re.MULTILINE)
    assert len(Corpus(str(tmp_path / "spoofs"))) == 24

    second = difffas(cluster, *given, "resources.generators=2")  # the same run on more machines
    assert second.returncode == 0
    assert second.stdout == (
        f"{name} has succeeded already, nothing to do: see {tmp_path / 'spoofs'} (--again submits it once more)\n"
    )
    found = json.loads(difffas(cluster, "job", "status", name).stdout)
    assert (found["status"], found["exit_status"], found["out"]) == ("succeeded", 0, str(tmp_path / "spoofs"))


@pytest.mark.soak
def test_a_job_s_exit_status_is_the_command_s(cluster: Cluster, real: Path, tmp_path: Path) -> None:
    """Found on the cluster: a corpus that is not there (2), a shard one of whose files is gone (3, in quarantine)."""
    given = ["submit", "generate", *settings(tmp_path / "nowhere", tmp_path / "out")]
    missing = difffas(cluster, *given)
    assert missing.returncode == 2
    assert "nowhere is not a finished corpus" in missing.stdout
    again = difffas(cluster, *given)  # what failed may be submitted again
    assert again.returncode == 2
    assert job_of(again) == f"{job_of(missing)}-2"

    broken = tmp_path / "broken"
    write_corpus(broken, small_rows())
    sorted((broken / "data").iterdir())[-1].unlink()
    quarantined = difffas(cluster, "submit", "generate", *settings(broken, tmp_path / "spoofs"))
    assert quarantined.returncode == 3, quarantined.stdout + quarantined.stderr
    assert "in quarantine" in quarantined.stdout


def test_a_running_job_is_not_submitted_twice_and_can_be_stopped(
    cluster: Cluster, real: Path, wheel: Path, tmp_path: Path
) -> None:
    given = ["submit", "generate", "--wheel", str(wheel), *settings(real, tmp_path / "spoofs", "plan.seed=600")]
    name = job_of(difffas(cluster, *given, "--no-wait"))
    assert f"difffas job logs {name} --follow" in one_line(difffas(cluster, *given))
    stopped = json.loads(difffas(cluster, "job", "stop", name).stdout)
    assert stopped["status"] == "stopped"
    followed = difffas(cluster, "job", "logs", name, "--follow")
    assert followed.returncode == 1
    assert followed.stderr == f"difffas: {name} was stopped\n"
    assert job_of(difffas(cluster, *given, "--no-wait")) == f"{name}-2"
    listed = json.loads(difffas(cluster, "job", "status").stdout)["jobs"]
    assert {name, f"{name}-2"} <= {job["job"] for job in listed}
    assert difffas(cluster, "job", "stop", f"{name}-2").returncode == 0


def test_a_wheel_s_code_runs_in_the_place_of_what_is_installed(
    cluster: Cluster, real: Path, wheel: Path, tmp_path: Path
) -> None:
    given = ["submit", "generate", "--wheel", str(wheel), *settings(real, tmp_path / "spoofs", "plan.seed=7")]
    done = difffas(cluster, *given)
    assert done.returncode == 7
    assert f"asked for generate {tmp_path / 'spoofs'}\n" in done.stdout


def test_access_is_refused_in_one_line(cluster: Cluster, real: Path, tmp_path: Path) -> None:
    """Without a token, with a wrong one, at a port where something else listens; over HTTP and as a driver."""
    none = {**cluster.environment, "HOME": str(tmp_path)}
    del none["RAY_AUTH_TOKEN"]
    wrong = {**none, "RAY_AUTH_TOKEN": "0" * 64}
    status = ["job", "status", "--address", str(cluster.dashboard)]
    assert "no token was found here for " in one_line(difffas(cluster, *status, environment=none))
    assert "refuses the token" in one_line(difffas(cluster, *status, environment=wrong))
    gcs = f"http://{cluster.environment['RAY_ADDRESS']}"
    assert "no Ray dashboard" in one_line(difffas(cluster, "job", "status", "--address", gcs))
    driver = ["generate", *settings(real, tmp_path / "out")]
    assert "no token was found here for " in one_line(difffas(cluster, *driver, environment=none))
    assert "refuses the token" in one_line(difffas(cluster, *driver, environment=wrong))
    elsewhere = {**cluster.environment, "RAY_ADDRESS": "127.0.0.1:1"}
    assert "no cluster to join" in one_line(difffas(cluster, *driver, environment=elsewhere))
    assert "knows no such job" in one_line(difffas(cluster, "job", "logs", "generate-0", "--follow"))


def test_jobs_run_by_ray_s_own_command(cluster: Cluster, real: Path, tmp_path: Path) -> None:
    """As the README says it: the folder as it is, the entry point in jobs/, RAY_ADDRESS from Ray."""
    config = tmp_path / "generate.yaml"
    config.write_text("{output: {rows_per_shard: 6}}", encoding="utf-8")
    job = ["python", "jobs/generate.py", "--config", str(config), *settings(real, tmp_path / "spoofs")]
    command = [*RAY, "job", "submit", "--address", str(cluster.dashboard), "--working-dir", ".", "--", *job]
    done = subprocess.run(
        command, cwd=ROOT, env=cluster.environment, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(Corpus(str(tmp_path / "spoofs"))) == 24
