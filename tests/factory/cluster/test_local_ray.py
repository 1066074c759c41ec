"""A cluster of this machine's own: where it may be, and what becomes of one that does not come up."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from factory import cluster
from factory.cluster import local_ray
from factory.core.exits import one_line_exits


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[BaseException | None]:
    """What each `ray.init` to come raises; None: it comes up."""
    import ray

    left: list[BaseException | None] = []

    def init(**_: Any) -> None:
        os.write(2, b"[... W ...] rpc_client.h:638: Failed to connect\n")
        if (error := left.pop(0)) is not None:
            raise error

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "t" * 64)
    return left


@pytest.mark.parametrize(
    "error",
    [
        Exception("The current node timed out during startup."),
        RuntimeError("Failed to start GCS.\n Last 0 lines of error files:\n"),
        ConnectionError("Could not read the address"),
        TimeoutError("Timed out while waiting for GCS to become available."),
        ValueError("The configured object store size (9 GB) exceeds /dev/shm size (1 GB)."),
        OSError(28, "No space left on device"),
        AssertionError(),
    ],
)
def test_a_ray_that_does_not_come_up_is_one_line_and_status_4(
    error: Exception,
    tries: list[BaseException | None],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left: list[int] = []

    def leave(status: int) -> None:
        left.append(status)
        raise SystemExit(status)

    monkeypatch.setattr("os._exit", leave)
    tries += [error, error, None]
    with pytest.raises(SystemExit), one_line_exits():
        cluster.connect()
    assert left == [4] and tries == [None], "two tries"
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("difffas: error: Ray did not start on this machine, 2 times: ")
    assert (str(error).split() or ["AssertionError"])[0] in line
    assert "logs: /tmp/ray: run the command again" in line


def test_a_dashboard_that_is_late_is_said_in_words(
    tries: list[BaseException | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray quotes the last lines of the dashboard's log, which need not hold what went wrong."""
    quoted = """
The last 20 lines of /tmp/ray/session_1/logs/dashboard.log (it contains the error message from the dashboard):
  File "socketserver.py", line 456, in __init__
OSError: [Errno 98] Address already in use
2026-11-30 12:07:57,254 INFO head.py:516 -- Initialize the http server."""
    tries += [Exception(quoted), Exception(quoted)]
    with pytest.raises(local_ray.NotStarted) as told:
        cluster.connect()
    assert str(told.value) == (
        "Ray did not start on this machine, 2 times: its dashboard did not come up in time; logs: /tmp/ray: run the "
        "command again"
    )


def test_the_dashboard_has_time_on_a_busy_machine() -> None:
    """Ray reads the variable when it is imported; processes that are started later have none of it."""
    code = """
import contextlib
import os
from factory import cluster
from factory.cluster import local_ray
local_ray.start = lambda cpus: None
cluster.connect()
from ray._private import ray_constants
print(ray_constants.RAY_DASHBOARD_STARTUP_TIMEOUT_S, os.environ.get("RAY_DASHBOARD_STARTUP_TIMEOUT_S"))"""
    left_out = ("RAY_ADDRESS", *local_ray.PATIENCE)
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["240", "None"]


def test_it_is_tried_once_more(tries: list[BaseException | None], capfd: pytest.CaptureFixture[str]) -> None:
    tries += [RuntimeError("Failed to start GCS."), None]
    cluster.connect()
    assert not tries
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_an_interrupted_start_is_not_tried_again(error: BaseException, tries: list[BaseException | None]) -> None:
    tries += [error, None]
    with pytest.raises(type(error)):
        cluster.connect()
    assert tries == [None]


def test_an_address_is_not_tried_again_whatever_ray_raises(
    tries: list[BaseException | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    tries += [RuntimeError("Version mismatch: the cluster was started with Ray 2.9"), None]
    with pytest.raises(ValueError, match=r"^RAY_ADDRESS=ray://head:10001: no cluster to join: Version mismatch"):
        cluster.connect()
    assert tries == [None]


def test_the_last_words_are_those_of_an_error(tmp_path: Path) -> None:
    assert local_ray.last_words(tmp_path) == ""
    (tmp_path / "raylet.out").write_text("[2026-11-28 20:01:59,728 I 27324 27324] (raylet) listening\n")
    assert local_ray.last_words(tmp_path) == ""
    (tmp_path / "raylet.err").write_text("raylet: error while loading shared libraries: libz.so\n")
    assert local_ray.last_words(tmp_path) == "raylet: raylet: error while loading shared libraries: libz.so"
    stack = "*** StackTrace Information ***\n/lib/libc.so.6(+0x85) [0x7faa88e45305]\n"
    (tmp_path / "gcs_server.err").write_text(
        f"[2026-11-28 20:02:31,104 C 27551 27551] (gcs_server) grpc_server.cc:134: Address already in use\n{stack}"
    )
    assert local_ray.last_words(tmp_path).endswith("Address already in use")
    (tmp_path / "gcs_server.err").write_text(
        "[2026-11-30 12:24:37,800 C 348 348] (gcs_server) node_manager.cc:3576: An unexpected system state has "
        "occurred. You have likely discovered a bug in Ray. Please report this issue at "
        "https://github.com/ray-project/ray/issues and we'll work with you to fix it. Check failed: "
        "status.has_value() Timed out\n"
    )
    assert local_ray.last_words(tmp_path).endswith("node_manager.cc:3576: Check failed: status.has_value() Timed out")
    (tmp_path / "gcs_server.err").write_text(stack)
    assert local_ray.last_words(tmp_path).endswith("libz.so"), "a stack says nothing"


def _longest(base: str) -> int:
    from ray.dashboard.subprocesses.module import get_socket_path

    session = f"session_2026-11-28_20-02-31_015866_{os.getpid()}"
    return len(get_socket_path(f"{base}/ray/{session}/sockets", "MetricsHead"))


@pytest.mark.parametrize("variable", ["TMPDIR", "RAY_TMPDIR"])
def test_a_long_folder_is_refused_by_name(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMPDIR", "RAY_TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    with tempfile.TemporaryDirectory(dir="/tmp") as base:
        room = 107 - _longest(f"{base}/")
        monkeypatch.setenv(variable, f"{base}/" + "t" * room)
        assert _longest(os.environ[variable]) == 107, "Ray itself takes it"
        local_ray.check_folder()
        for name in (f"{base}/" + "t" * (room + 1), f"{base}/" + "ü" * (room // 2 + 1)):
            monkeypatch.setenv(variable, name)
            with pytest.raises(
                ValueError, match=rf"^{variable}={name} is too long for Ray.*set RAY_TMPDIR to a short"
            ):
                local_ray.check_folder()


def test_ray_tmpdir_is_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/" + "t" * 200)
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    assert local_ray.check_folder() == "/tmp/ray"
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        monkeypatch.setenv("RAY_TMPDIR", f"{name}/not there yet")
        assert local_ray.check_folder() == f"{name}/not there yet/ray"
        monkeypatch.chdir(name)
        monkeypatch.setenv("RAY_TMPDIR", "r")
        assert local_ray.check_folder() == f"{name}/r/ray"


def test_a_folder_that_cannot_be_written_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # pytest's own is long
        (Path(name) / "f").write_text("")
        monkeypatch.chdir(name)
        for place in ("f", "f/below", "/proc/nowhere"):
            monkeypatch.setenv("TMPDIR", place)
            with pytest.raises(
                ValueError, match=rf"^TMPDIR={place}: Ray cannot write its files there.*set RAY_TMPDIR"
            ):
                local_ray.check_folder()
    monkeypatch.setenv("TMPDIR", "/tmp/\udcff")
    with pytest.raises(ValueError, match=r"is not valid UTF-8.*set RAY_TMPDIR") as refused:
        local_ray.check_folder()
    str(refused.value).encode()


@pytest.mark.parametrize("home", [None, "/", "/proc"])
def test_without_a_home_the_token_is_in_the_environment(home: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home if home is None else lambda: Path("/proc/nowhere"))
    local_ray.own_token()
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64


@pytest.mark.parametrize("before", [None, "http://elsewhere:8265"])
def test_the_dashboard_s_address_is_for_the_cluster_s_processes_alone(
    before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(local_ray.DASHBOARD, raising=False)
    if before is not None:
        monkeypatch.setenv(local_ray.DASHBOARD, before)
    with local_ray.known_dashboard() as given:
        assert os.environ[local_ray.DASHBOARD] == f"http://127.0.0.1:{given['dashboard_port']}"
    assert os.environ.get(local_ray.DASHBOARD) == before


@pytest.mark.soak
def test_a_raylet_that_dies_at_its_first_start(tmp_path: Path) -> None:
    """The second cluster is one that works, and nothing of the first is left."""
    import subprocess

    code = f"""
from factory import cluster
cluster.prepare_environment()
import pathlib, ray
from ray._private import services
real, mark = services.RAYLET_EXECUTABLE, pathlib.Path({str(tmp_path / "mark")!r})
stub = pathlib.Path({str(tmp_path / "raylet")!r})
stub.write_text(f"#!/bin/sh\\nif [ ! -e {{mark}} ]; then touch {{mark}}; exit 3; fi\\nexec {{real}} \\"$@\\"\\n")
stub.chmod(0o755)
services.RAYLET_EXECUTABLE = str(stub)
cluster.connect(num_cpus=1)
import psutil
print(ray.cluster_resources()["CPU"], [child.name() for child in psutil.Process().children()].count("gcs_server"))
"""
    environment = {**os.environ, "RAY_ADDRESS": "local"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, env=environment)
    assert done.stderr == ""
    assert done.stdout.split() == ["1.0", "1"] and (tmp_path / "mark").exists()


@pytest.mark.slow
def test_a_machine_that_is_busy_for_a_while_keeps_its_cluster(ray_local: None) -> None:
    """A raylet that gets no processor for 15 seconds is late, not dead: nobody else could do its work."""
    import ray

    raylet = _child("raylet")
    os.kill(raylet, signal.SIGSTOP)
    try:
        time.sleep(15)
    finally:
        os.kill(raylet, signal.SIGCONT)
    time.sleep(3)
    assert [node["Alive"] for node in ray.nodes()] == [True]
    works = ray.remote(lambda: "works")
    assert ray.get(works.remote(), timeout=60) == "works"


def _child(name: str) -> int:
    """The process of this name that this one has started."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it may have ended
            told, _, rest = (folder / "stat").read_text().partition(") ")
            if told.endswith(f"({name}") and int(rest.split()[1]) == os.getpid():
                return int(folder.name)
    raise LookupError(name)
