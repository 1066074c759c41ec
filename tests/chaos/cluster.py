"""A Ray cluster of real processes on this machine: a head without CPUs and worker nodes that may be killed."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from factory.cluster import ENVIRONMENT
from tests.chaos.processes import Process, find, freeze, kill_all, start
from tests.ports import free_port

START_SECONDS = 150  # of one of two tries: on a busy machine a raylet of Ray's now and then never registers
STORE_BYTES = 100_000_000
RAY = (sys.executable, "-m", "ray.scripts.scripts")
GENERATOR = "GenerateShard"  # stands in the process title of a generator actor


class Node:
    """One `ray start` with all processes below it."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name, self.process, self.log = name, process, log
        self._top = find(process.pid)
        self._seen: set[Process] = set()

    @property
    def started(self) -> bool:
        """Whether it said so; raises RuntimeError if it ended instead."""
        if b"Ray runtime started" in self.log.read_bytes():
            return True
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} did not start: {self.log.read_text(errors='replace')[-2000:]}")
        return False

    def raylet(self) -> Process | None:
        """The raylet, while it lives."""
        children = self._top.children() if self._top else []
        return next((child for child in children if child.title.partition(" ")[0].endswith("/raylet")), None)

    def workers(self) -> list[Process]:
        """Its processes that run a stage now: tasks and generator actors."""
        raylet = self.raylet()
        return [child for child in raylet.children() if "Map(" in child.title] if raylet else []

    def generators(self) -> list[Process]:
        """Its generator actors."""
        return [worker for worker in self.workers() if GENERATOR in worker.title]

    def kill_raylet(self) -> bool:
        """`kill -9` to the raylet; whether there was one."""
        raylet = self.raylet()
        self._remember()  # its workers are nobody's children afterwards, until they notice
        return raylet is not None and raylet.kill()

    def close(self) -> None:
        """End every process of this node."""
        freeze(self._top)  # else a raylet might start a worker between the look and the kill
        self._remember()
        kill_all(self._seen)
        self.process.wait()

    def _remember(self) -> None:
        if self._top:
            self._seen |= {self._top, *self._top.descendants()}


class Cluster:
    """A head and `workers` nodes of two logical CPUs each, with a token of their own, in a folder of their own.

    Args:
        workers: how many worker nodes are started with the head.
        addresses: IP addresses of the head and of the workers; None: this machine's.
        inside: what precedes each command, head first, such as `ip netns exec NAME`.
        dashboard: whether there is one, on the loopback at the URL `dashboard`, which takes jobs.
    """

    def __init__(
        self,
        workers: int = 2,
        addresses: Sequence[str] | None = None,
        inside: Sequence[Sequence[str]] | None = None,
        dashboard: bool = False,
    ) -> None:
        self._count, self._addresses, self._inside = workers, addresses, inside
        self.dashboard = f"http://127.0.0.1:{free_port('')}" if dashboard else None
        self.nodes: list[Node] = []  # the workers, dead ones included
        self._started = 0

    def __enter__(self) -> Self:
        try:
            self._open()
        except RuntimeError as error:
            print(f"the cluster is started once more: {error}", file=sys.stderr)
            self._open()
        return self

    def _open(self) -> None:
        self.nodes, self._started = [], 0
        # Sockets lie below this folder, and a socket's path has room for 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="chaos-", dir="/tmp"))
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
            **ENVIRONMENT,
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_memory_monitor_refresh_ms": "0",  # other programs' memory must not kill workers here
            "RAY_raylet_start_wait_time_s": str(START_SECONDS),
            "PYTHONUNBUFFERED": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # a job's `python` is this one
        }
        host = self._addresses[0] if self._addresses else _own_address()
        self.environment["RAY_ADDRESS"] = f"{host}:{free_port('')}"
        shown = (
            ["--include-dashboard=true", f"--dashboard-port={self.dashboard.rpartition(':')[2]}"]
            if self.dashboard
            else ["--include-dashboard=false"]
        )
        try:
            self.head = self._start(
                "head", ["--head", "--num-cpus=0", f"--ray-client-server-port={free_port('')}", *shown], host
            )
            _until_started([self.head])
            for _ in range(self._count):
                self.add_node()
            _until_started(self.nodes)
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for node in [*reversed(self.nodes), *([self.head] if hasattr(self, "head") else [])]:
            node.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def add_node(self) -> Node:
        """Start one more worker node, without waiting for it."""
        place = self._started - 1
        address = self._addresses[1 + place] if self._addresses else _own_address()
        self.nodes.append(self._start(f"worker-{place}", ["--num-cpus=2"], address))
        return self.nodes[-1]

    def driver(self, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Start a driver on the head."""
        return start(command, log, self.environment, self._inside[0] if self._inside else ())

    def living(self) -> list[Node]:
        """The worker nodes with a raylet."""
        return [node for node in self.nodes if node.raylet() is not None]

    def generators(self) -> list[Process]:
        """The generator actors of all nodes, oldest first."""
        found = [actor for node in [self.head, *self.nodes] for actor in node.generators()]
        return sorted(found, key=lambda actor: (actor.started, actor.pid))

    def _start(self, name: str, options: list[str], address: str) -> Node:
        inside = self._inside[self._started] if self._inside else ()
        self._started += 1
        log = self.folder / f"{name}.log"
        where = self.environment["RAY_ADDRESS"]
        command = [
            *(*RAY, "start", "--block", "--disable-usage-stats", f"--node-ip-address={address}", *options),
            f"--port={where.rpartition(':')[2]}" if "--head" in options else f"--address={where}",
            # A folder of its own for each node: nodes that start at once in one folder take each other's sockets.
            f"--temp-dir={self.folder / name}",
            f"--object-store-memory={STORE_BYTES}",
            # Any free port: several nodes share this machine, and perhaps other clusters.
            *("--min-worker-port=0", "--max-worker-port=0", "--dashboard-agent-listen-port=0"),
        ]
        return Node(name, start(command, log, self.environment, inside), log)


def _until_started(nodes: Sequence[Node]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not all(node.started for node in nodes):
        if time.monotonic() > deadline:
            raise RuntimeError(f"Ray did not start in {START_SECONDS} s:\n" + "\n".join(map(_last_words, nodes)))
        time.sleep(0.1)


def _last_words(node: Node) -> str:
    """The ends of what a node and its raylet wrote."""
    files = [node.log, *node.log.parent.glob(f"{node.name}/session_latest/logs/raylet.*")]
    return "\n".join(f"{file.name} of {node.name}: {file.read_text(errors='replace')[-1500:]}" for file in files)


def _own_address() -> str:
    """The address that Ray would take: of the interface that leads outside, else the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 1))  # sends nothing
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
