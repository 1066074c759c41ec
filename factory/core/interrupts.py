"""How Ctrl-C, SIGTERM and SIGHUP end a command: one line, status 128 + the signal's number, and no process is left.

A signal becomes a KeyboardInterrupt, so that everything under way is left in order. Libraries turn that into other
errors, or say much about it: from the signal on stderr is shut, and what counts at the end is that one came.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
SAME_SECONDS = 1.0  # a second signal within it is the same one, sent to a process group or by a wrapper
LIMIT_SECONDS = 20.0  # to leave in order; Kubernetes gives 30 before it kills
HINT = "run the command again to go on"


class _State:
    """Of this process."""

    installed = False
    received: int | None = None
    since = 0.0
    hint = HINT
    stderr = 2  # a copy of the real one
    said = False


@contextlib.contextmanager
def caught() -> Iterator[None]:
    """Within it signals end the process as this module says; in a process that is not asked to, nothing changes."""
    _install()
    try:
        yield
    except BaseException:
        if received():
            end()
        raise
    if received():  # something swallowed it
        end()


def received() -> bool:
    """Whether a signal has asked this command to end."""
    return _State.received is not None


def installed() -> bool:
    """Whether this process looks after signals as this module says."""
    return _State.installed


def explain(hint: str) -> None:
    """What the line shall say in the place of `HINT`."""
    _State.hint = hint


def end() -> None:
    """Say the line, end Ray's processes and leave; a clock that began with the signal bounds all of it."""
    _say()
    _mute()
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
        if (ray := sys.modules.get("ray")) is not None:
            atexit.unregister(ray.shutdown)
        atexit._run_exitfuncs()
        if ray is not None:
            _end_children()
    _leave()


def _end_children() -> None:
    """End what a cluster of this process's own has started, at once; a cluster that it joined sees that it has gone.

    `ray.shutdown` leaves the dashboard behind for a while, and now and then Ray's core ends this process with status 1
    when it misses its raylet. So the raylet goes last, right before this process does.
    """
    psutil = importlib.import_module("psutil")  # Ray brings it
    me, stopped = psutil.Process(), list[Any]()
    while found := [child for child in me.children(recursive=True) if child not in stopped]:
        for child in found:
            with contextlib.suppress(psutil.Error):
                child.suspend()  # else it would start another
        stopped += found
    for child in reversed(stopped):  # parents are listed first
        with contextlib.suppress(psutil.Error):
            child.kill()


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Around what brings handlers of its own, as `ray.init` does: there are ours during it, and after."""
    if not _State.installed:
        yield
        return
    from ray._private import utils

    before = utils.set_sigterm_handler
    utils.set_sigterm_handler = lambda _: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = before
        _handle()


def _install() -> None:
    if _State.installed or threading.current_thread() is not threading.main_thread():
        return
    _State.installed = True
    with contextlib.suppress(OSError):  # stderr is closed
        _State.stderr = os.dup(2)
    _handle()


def _handle() -> None:
    for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a shell's background job
            signal.signal(number, _on_signal)


def _on_signal(number: int, frame: FrameType | None) -> None:
    if _State.received is not None:
        if time.monotonic() - _State.since > SAME_SECONDS:
            _leave()
        return
    _State.received, _State.since = number, time.monotonic()
    _mute()
    clock = threading.Timer(LIMIT_SECONDS, _leave)
    clock.daemon = True
    clock.start()
    raise KeyboardInterrupt


def _mute() -> None:
    with contextlib.suppress(OSError):
        void = os.open(os.devnull, os.O_WRONLY)
        os.dup2(void, 2)
        os.close(void)


def _say() -> None:
    if _State.said or _State.received is None:
        return
    _State.said = True
    line = f"difffas: stopped by {signal.Signals(_State.received).name}: {_State.hint}\n"
    with contextlib.suppress(OSError):  # a terminal that has gone
        os.write(_State.stderr, line.encode(errors="backslashreplace"))


def _leave() -> None:
    _say()
    os._exit(128 + (_State.received or 0))
