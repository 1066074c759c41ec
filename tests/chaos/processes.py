"""Processes that end with the one that started them, and a look at who is whose child (Linux: `/proc`)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.root import ROOT
from tests.s3 import RUN_WITH_PARENT


@dataclass(frozen=True)
class Process:
    """A process by number and start time: a number alone is used again."""

    pid: int
    started: int  # in clock ticks since the machine's start

    def kill(self) -> bool:
        """`kill -9`, if it is still this process; whether it was."""
        if find(self.pid) != self:
            return False
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    @property
    def title(self) -> str:
        """The command line as `ps` shows it; empty once it is gone."""
        try:
            return Path(f"/proc/{self.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""

    def children(self) -> list[Process]:
        """Its living children, oldest first."""
        return sorted((child for child, parent in _living() if parent == self.pid), key=lambda child: child.started)

    def descendants(self) -> list[Process]:
        """Its living children, theirs, and so on."""
        of: dict[int, list[Process]] = {}
        for child, parent in _living():
            of.setdefault(parent, []).append(child)
        found, waiting = [], [self.pid]
        while waiting:
            for child in of.get(waiting.pop(), []):
                found.append(child)
                waiting.append(child.pid)
        return found


def find(pid: int) -> Process | None:
    """The living process of this number."""
    facts = _facts(pid)
    return None if facts is None else facts[0]


def start(
    command: Sequence[str], log: Path, environment: Mapping[str, str], inside: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """Start a command in the project's folder; output goes to `log`, and it is killed when this process ends.

    `inside` precedes the command, such as `ip netns exec NAME`; it must replace itself by what it runs.
    """
    bound = [sys.executable, "-c", RUN_WITH_PARENT, str(os.getpid()), *inside, *command]
    if inside:
        bound[4] = _full_path(inside[0])
    with log.open("ab") as output:
        return subprocess.Popen(
            bound,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env=dict(environment),
            start_new_session=True,
        )


def freeze(top: Process | None) -> None:
    """Stop a process and all below it, those included that they start meanwhile."""
    frozen: set[Process] = set()
    while top and (fresh := {top, *top.descendants()} - frozen):
        for process in fresh:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGSTOP)
        frozen |= fresh


def kill_all(processes: Iterable[Process]) -> None:
    """`kill -9` to all that still live, and wait until they are gone."""
    killed = [process for process in processes if process.kill()]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(find(process.pid) == process for process in killed):
        time.sleep(0.05)


def _full_path(program: str) -> str:
    import shutil

    path = shutil.which(program)
    assert path is not None, f"{program} is not installed"
    return path


def _facts(pid: int) -> tuple[Process, int] | None:
    """A living process and its parent's number; None for one that is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    state, parent, *rest = text.rpartition(")")[2].split()  # the name in brackets may hold anything
    return None if state in "ZX" else (Process(pid, int(rest[17])), int(parent))


def _living() -> list[tuple[Process, int]]:
    found = (_facts(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [facts for facts in found if facts is not None]
