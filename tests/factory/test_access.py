"""A cluster of one machine, as the commands start it: for its owner alone, and no secret in anything written."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.cluster import local_ray
from tests.root import ROOT

PLANTED = {
    "AWS_ACCESS_KEY_ID": "AKIAPLANTEDPLANTEDPL",
    "AWS_SECRET_ACCESS_KEY": "planted/aws/secret/9f2c",
    "AWS_SESSION_TOKEN": "planted-session-token-77aa",
    "HF_TOKEN": "hf_plantedplantedplanted",
    "WANDB_API_KEY": "planted0wandb0key0000000",
}
LOOPBACKS = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}

# Runs commands, then says where its cluster's processes listen, and what its dashboard says without a token.
OBSERVED = """
import contextlib, json, os, sys, urllib.error, urllib.request
from pathlib import Path
from factory.cli import main
from tests.chaos.processes import find

for command in json.loads(sys.argv[1]):
    with contextlib.suppress(SystemExit):
        main(command)

from ray._private.worker import global_worker
me = find(os.getpid())
links = [os.readlink(file) for process in [me, *me.descendants()] for file in Path(f"/proc/{process.pid}/fd").iterdir()
         if os.path.lexists(file)]
sockets = {link[8:-1] for link in links if link.startswith("socket:[")}
lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
places = [fields[1].partition(":")[0] for fields in lines if fields[3] == "0A" and fields[9] in sockets]
status = 200
try:
    urllib.request.urlopen(f"http://{global_worker.node.webui_url}/api/version")
except urllib.error.HTTPError as error:
    status = error.code
print("OBSERVED", json.dumps({"places": places, "status": status}))
"""


@dataclass
class Observed:
    """What the commands left: their folder, the home and the temporary folder of Ray, what they printed."""

    folder: Path
    home: Path
    temporary: Path
    printed: str
    seen: dict[str, Any]


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    folder, home = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("home")
    temporary = Path(tempfile.mkdtemp(prefix="access-", dir="/tmp"))  # Ray's sockets need a short path
    write_corpus(folder / "real", small_rows())
    inputs = [f"inputs.live={folder}/real", f"inputs.guides={folder}/real", "inputs.generator=dummy"]
    small = ["plan.samples=12", "output.rows_per_shard=6", "resources.gpus_per_generator=0"]
    commands = [
        ["generate", *inputs, f"out={folder}/spoofs", *small],
        ["report", f"inputs.generated={folder}/spoofs", f"out={folder}/report"],
        ["generate", *inputs, *small, f"out=s3://{PLANTED['AWS_ACCESS_KEY_ID']}:{PLANTED['HF_TOKEN']}@bucket/spoofs"],
        ["status", f"s3://{PLANTED['AWS_ACCESS_KEY_ID']}:{PLANTED['HF_TOKEN']}@bucket/spoofs"],
    ]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_"))}
    environment = {**inherited, **PLANTED, "HOME": str(home), "RAY_TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", OBSERVED, json.dumps(commands)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("OBSERVED ")]
    assert lines, done.stdout + done.stderr
    yield Observed(folder, home, temporary, done.stdout + done.stderr, json.loads(lines[0].removeprefix("OBSERVED ")))
    shutil.rmtree(temporary, ignore_errors=True)


@pytest.mark.slow
def test_every_port_is_on_the_loopback(observed: Observed) -> None:
    assert len(observed.seen["places"]) >= 5  # GCS, raylet, dashboard and its agents, driver
    assert set(observed.seen["places"]) <= LOOPBACKS


@pytest.mark.slow
def test_its_dashboard_wants_the_token_that_its_owner_alone_can_read(observed: Observed) -> None:
    assert observed.seen["status"] == 401
    token = observed.home / ".ray" / "auth_token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(token.read_text()) == 64


@pytest.mark.slow
def test_no_secret_is_in_anything_that_is_written(observed: Observed) -> None:
    """Environment, token and URL; in outputs, reports, what is printed, and Ray's own logs."""
    assert (observed.folder / "spoofs" / "summary.json").is_file()
    assert list((observed.folder / "report").glob("*.html"))
    token = observed.home / ".ray" / "auth_token"
    secrets = [*PLANTED.values(), token.read_text()]
    files = [file for place in (observed.folder, observed.home, observed.temporary) for file in place.rglob("*")]
    read = {file: file.read_bytes() for file in files if file.is_file() and file != token}
    assert len(read) > 20
    leaks = [(name, secret) for name, data in read.items() for secret in secrets if secret.encode() in data]
    assert not leaks
    assert not [secret for secret in secrets if secret in observed.printed]
    assert observed.printed.count("difffas: error: ") == 2  # the two URLs with credentials


@pytest.mark.parametrize("given", [{"RAY_AUTH_TOKEN": "a" * 64}, {"RAY_AUTH_TOKEN_PATH": "/somewhere"}])
def test_a_token_that_is_given_is_the_one(
    given: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    local_ray.own_token()
    assert not (tmp_path / ".ray").exists()


def test_a_token_that_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    local_ray.own_token()
    token = tmp_path / ".ray" / "auth_token"
    first = token.read_text()
    assert len(first) == 64 and stat.S_IMODE(token.stat().st_mode) == 0o600
    local_ray.own_token()
    assert token.read_text() == first
