"""One generation under seeded `kill -9`s."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.cluster import Cluster, Node
from tests.chaos.processes import Process, find
from tests.chaos.workload import Verdict, Workload, finished_shards, judge

TARGETS = ("driver", "generator", "raylet")
RUN_SECONDS = 1500.0
PATIENCE = 120.0  # for a target that is not there, such as the generator of a driver that starts
TICK = 0.1


@dataclass(frozen=True)
class Blow:
    """One kill: everything about it but the scheduling of the machine."""

    target: str
    after_progress: bool  # wait for one more shard first; else it may hit a driver or a node that starts
    delay: float  # seconds, after that
    pick: float  # [0, 1): which of the processes that qualify, oldest first
    replaced_after: float = 0.0  # seconds until a killed raylet's node is replaced


def schedule(seed: int, kills: int, targets: Iterable[str] = TARGETS) -> list[Blow]:
    """The kills of one seed."""
    rng, choice = random.Random(seed), tuple(targets)
    return [
        Blow(
            target=rng.choice(choice),
            after_progress=rng.random() < 0.6,
            delay=rng.uniform(0.2, 4.0),
            pick=rng.random(),
            replaced_after=rng.uniform(0.0, 4.0),
        )
        for _ in range(kills)
    ]


@dataclass
class Report:
    """What happened in one run."""

    seed: int
    kills: list[str] = field(default_factory=list)  # targets in order; `(worker)` is a node that died by itself
    restarts: int = 0
    seconds: float = 0.0
    status: int | None = None  # exit status of the last driver; None: out of time
    verdict: Verdict | None = None
    log: str = ""  # of the drivers

    @property
    def good(self) -> bool:
        """Whether the run finished and nothing is wrong with what it made."""
        return self.status == 0 and self.verdict is not None and self.verdict.good

    @property
    def struck(self) -> int:
        """Number of kills that hit a process."""
        return sum(target in TARGETS for target in self.kills)


class Siege:
    """A cluster, a driver on it, and what is to be done to them."""

    def __init__(self, seed: int, workload: Workload, out: Path) -> None:
        self._workload, self._out = workload, out
        self._log = out.with_name(f"{out.name}.log")
        self._condemned: set[str] = set()  # nodes whose raylet was killed, or that died
        self._due: list[float] = []  # when nodes are to be added
        self.report = Report(seed)

    def run(self, blows: Iterable[Blow], reference: dict[str, str] | None) -> Report:
        """Generate under these blows until the command ends by itself, then judge; `reference` as in `judge`."""
        began = time.monotonic()
        self._deadline = began + RUN_SECONDS
        with Cluster() as self._cluster:
            self._drive()
            if self._wait(lambda: self._shards() > 0):
                for blow in blows:
                    if not self._strike(blow):
                        break
            self._wait(lambda: False)
            self.report.status = self._driver.poll()
            if self.report.status is None:
                self._driver.kill()
                self._driver.wait()
        self.report.seconds = time.monotonic() - began
        self.report.log = self._log.read_text(errors="replace")
        if self.report.status == 0:
            self.report.verdict = judge(self._out, self._workload, reference)
        return self.report

    def _drive(self) -> None:
        self._driver: subprocess.Popen[bytes] = self._cluster.driver(self._workload.command(self._out), self._log)

    def _shards(self) -> int:
        return finished_shards(self._out)

    def _strike(self, blow: Blow) -> bool:
        """Wait as the blow says, then kill; whether the driver still runs (or runs again)."""
        before = self._shards()
        if blow.after_progress and not self._wait(lambda: self._shards() > before):
            return False
        self._wait(lambda: False, blow.delay)
        self._wait(lambda: bool(self._candidates(blow.target)), PATIENCE)
        if self._driver.poll() is not None:
            return False
        candidates = self._candidates(blow.target)
        if not candidates:
            return True
        victim = candidates[int(blow.pick * len(candidates))]
        if not (victim.kill_raylet() if isinstance(victim, Node) else victim.kill()):
            return True
        self.report.kills.append(blow.target)
        if isinstance(victim, Node):
            self._condemned.add(victim.name)
            self._due.append(time.monotonic() + blow.replaced_after)
        elif blow.target == "driver":
            self._driver.wait()
            self.report.restarts += 1
            self._drive()
        return True

    def _candidates(self, target: str) -> list[Process] | list[Node]:
        if target == "driver":
            driver = find(self._driver.pid)
            return [driver] if driver else []
        return self._cluster.generators() if target == "generator" else self._cluster.living()

    def _wait(self, condition: Callable[[], bool], seconds: float = RUN_SECONDS) -> bool:
        """Until the condition holds; false if the driver or the time ends before. Meanwhile nodes are replaced."""
        until = min(time.monotonic() + seconds, self._deadline)
        while not condition():
            self._replace_nodes()
            if self._driver.poll() is not None or time.monotonic() > until:
                return False
            time.sleep(TICK)
        return True

    def _replace_nodes(self) -> None:
        now = time.monotonic()
        for node in self._cluster.nodes:
            if node.process.poll() is not None and node.name not in self._condemned:
                self._condemned.add(node.name)
                self.report.kills.append(f"({node.name.partition('-')[0]})")
                self._due.append(now)
        for _ in [when for when in self._due if when <= now]:
            self._cluster.add_node()
        self._due = [when for when in self._due if when > now]
