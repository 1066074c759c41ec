"""Starts a Ray cluster on this machine: checks its folder first, tries twice, and reports a failure in one line."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import socket
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

from difffas.errors import UserError
from factory.core.errors import Stalled

DASHBOARD = "RAY_API_SERVER_ADDRESS"
TRIES = 2  # on a busy machine a raylet now and then never registers
SOCKET_BYTES = 107  # longest path of a socket on Linux
LONGEST_SOCKET = "dash_MetricsHead"  # longest name of a socket that Ray makes in a session's folder
WORDS = 300
COURTESY = re.compile(r"An unexpected system state has occurred\..*? fix it\.")  # before what went wrong
LAST_LINES = re.compile(r"The last \d+ lines of \S*dashboard\.(log|err)")
DASHBOARD_LATE = "its dashboard did not come up in time"
# Ray reads this when it is imported. On a busy machine its dashboard needs more than the minute that Ray gives it.
PATIENCE = {"RAY_DASHBOARD_STARTUP_TIMEOUT_S": "240"}
# Ray's C++ core reads this when a process starts. Its signal handler prints stacks when a process is asked to end.
QUIET = {"RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1"}

# A cluster of one machine has no node to lose. With the short checks of `cluster.ENVIRONMENT`, which tell within
# seconds that a node was cut off, a machine that is merely busy declares itself dead.
UNHURRIED = {
    "RAY_health_check_timeout_ms": "60000",
    "RAY_health_check_failure_threshold": "10",
    "RAY_grpc_client_keepalive_timeout_ms": "60000",
}


class NotStarted(Stalled):
    """Ray did not come up on this machine; running the command again may help."""


def start(num_cpus: int | None) -> None:
    """Start a cluster on this machine and join it.

    Raises:
        UserError: if Ray cannot use its folder.
        NotStarted: if Ray failed to start twice.
    """
    import ray

    folder = check_folder()
    own_token()
    for attempt in range(1, TRIES + 1):
        try:
            with known_dashboard() as dashboard, variables(QUIET | UNHURRIED), _starting():
                ray.init(
                    address="local",
                    num_cpus=num_cpus,
                    log_to_driver=True,
                    logging_level=logging.WARNING,
                    _temp_dir=folder,
                    **dashboard,
                )
            return
        except Exception as error:  # Ray raises any kind, even a bare Exception
            what = _told(error, folder)
            _clear(error)
            if attempt == TRIES:
                raise NotStarted(
                    f"Ray did not start on this machine, {TRIES} times: {what}: run the command again"
                ) from None


def check_folder() -> str:
    """Return the absolute path of Ray's folder.

    Raises:
        UserError: if the paths of its sockets would be too long, or it cannot be written; names the variable to set.
    """
    from ray._common.utils import try_to_create_directory

    source = next((name for name in ("RAY_TMPDIR", "TMPDIR") if name in os.environ), None)
    base = os.environ[source] if source else "/tmp"
    where = f"{source}={base}" if source else base
    mend = "set RAY_TMPDIR to a short, writable folder of this machine, such as /tmp"
    folder = os.path.join(os.path.abspath(base), "ray")
    try:
        folder.encode()
    except UnicodeEncodeError:
        raise UserError(f"{where!r} is not valid UTF-8, and Ray's sockets would be there: {mend}") from None
    session = f"session_YYYY-MM-DD_hh-mm-ss_ffffff_{os.getpid()}"
    longest = len(os.path.join(folder, session, "sockets", LONGEST_SOCKET).encode())
    if longest > SOCKET_BYTES:
        raise UserError(
            f"{where} is too long for Ray: the path of a socket there would have {longest} bytes, {SOCKET_BYTES} are "
            f"possible: {mend}"
        )
    try:
        try_to_create_directory(folder)  # as Ray does: all users of a machine share the folder
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = error.strerror or error
        raise UserError(f"{where}: Ray cannot write its files there, to {folder} ({why}): {mend}") from None
    return folder


def own_token() -> None:
    """Make the token that Ray would make for a local cluster, in a file that only its owner can read.

    For a user without a writable home the token is only in the environment of this process and its children.
    """
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return
    try:
        path = Path.home() / ".ray" / "auth_token"
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), open(path, "x", encoding="ascii", opener=_private) as file:
            file.write(secrets.token_hex(32))
    except (OSError, RuntimeError):  # RuntimeError: neither HOME nor an entry in passwd
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Dashboard(TypedDict):
    """Arguments of `ray.init` for a dashboard on a port."""

    include_dashboard: bool
    dashboard_port: int


@contextlib.contextmanager
def known_dashboard() -> Iterator[Dashboard]:
    """Give arguments of `ray.init` for a dashboard that this cluster's processes find among others on the machine.

    Ray Train's cleaner asks the dashboard whether a training's controller is alive, and frees the CPUs of a killed
    training, such as a trial that a search stopped. The cleaner finds the dashboard by this variable, or takes the
    machine's only cluster.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with variables({DASHBOARD: f"http://127.0.0.1:{port}"}):  # until the cluster's processes have started with it
        yield {"include_dashboard": True, "dashboard_port": port}


@contextlib.contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set these environment variables within the context."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """Hold back stderr of Ray's C++ code while the processes start, so that a failure is reported in one line.

    The text is written out when the processes are up and the driver is about to join: from then on C++ code may end
    this process.
    """
    from ray._private import worker

    join = worker.connect
    with quiet_stderr() as speak:

        def joins(node: Any, *arguments: Any, **settings: Any) -> Any:
            dead = [kind for kind, process in node.dead_processes()]
            if dead:
                raise RuntimeError(f"{', '.join(dead)} died")
            speak()
            return join(node, *arguments, **settings)

        worker.connect = joins
        try:
            yield
        finally:
            worker.connect = join


@contextlib.contextmanager
def quiet_stderr() -> Iterator[Any]:
    """Hold back text written to file descriptor 2; the given function writes it out and stops holding it back."""
    with tempfile.TemporaryFile() as kept:
        real = os.dup(2)
        os.dup2(kept.fileno(), 2)

        def speak() -> None:
            os.dup2(real, 2)
            kept.seek(0)
            os.write(2, kept.read())

        try:
            yield speak
        finally:
            os.dup2(real, 2)
            os.close(real)


def _told(error: Exception, folder: str) -> str:
    """Describe a failed start: Ray's own words, those of the process that failed, and the place of its logs."""
    node = _node_behind(error)
    logs = Path(getattr(node, "_logs_dir", None) or folder)
    words = last_words(logs)
    said, _, trace = str(error).partition("Traceback (most recent call last)")
    if LAST_LINES.search(said):  # Ray quotes what its dashboard wrote last, whatever that is
        said, trace = DASHBOARD_LATE, ""
    if trace:
        said += [line for line in trace.splitlines() if line and not line.startswith(" ")][-1]
    said = " ".join(said.split()) or type(error).__name__
    return f"{said[:WORDS]}{f' ({words})' if words and words not in said else ''}; logs: {logs}"


def last_words(logs: Path) -> str:
    """Return the last error in the logs of a cluster's essential processes; the one that starts first comes first."""
    for name in ("gcs_server", "raylet"):
        for kind in ("err", "out"):
            try:
                text = (logs / f"{name}.{kind}").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            lines = [line for line in text.splitlines() if line.strip()]
            severe = [line for line in lines if re.search(r" [CEF] \d+ \d+\]", line)]
            found = severe or (lines if kind == "err" and not _stack(lines) else [])
            if found:
                return f"{name}: {' '.join(COURTESY.sub('', found[-1]).split())[:WORDS]}"
    return ""


def _stack(lines: list[str]) -> bool:
    return any("*** StackTrace Information ***" in line for line in lines)


def _node_behind(error: Exception) -> Any:
    """Return Ray's object of the node that did not start, kept only in this error; it can end the processes."""
    from ray._private.node import Node

    for frame, _ in traceback.walk_tb(error.__traceback__):
        if isinstance(found := frame.f_locals.get("self"), Node):
            return found
    return None


def _clear(error: Exception) -> None:
    """End the processes that a failed start has left."""
    import ray

    with contextlib.suppress(Exception):  # the failure is reported; leftovers end with this process
        if (node := _node_behind(error)) is not None:
            node.kill_all_processes(check_alive=False, allow_graceful=False)
        ray.shutdown()
