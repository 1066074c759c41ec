"""Ctrl-C, SIGTERM and SIGHUP end a command with one line and status 128 + the signal's number; all processes end.

A signal becomes a KeyboardInterrupt, so that all work under way stops in order. Libraries turn that error into others
or print much about it, so stderr is muted once a signal arrives, and at the end only the signal's arrival counts.
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
SAME_SECONDS = 1.0  # a second signal within this time repeats the first: sent to a process group, or by a wrapper
LIMIT_SECONDS = 20.0  # for an orderly exit; Kubernetes allows 30 before it kills
HINT = "run the command again to go on"


class _State:
    """State of this process."""

    installed = False
    received: int | None = None
    since = 0.0
    hint = HINT
    stderr = 2  # a copy of the real stderr
    said = False


@contextlib.contextmanager
def caught() -> Iterator[None]:
    """Within this context signals end the process as the module describes; other processes are unaffected."""
    _install()
    try:
        yield
    except BaseException:
        if received():
            end()
        raise
    if received():  # some library swallowed the KeyboardInterrupt
        end()


def received() -> bool:
    """Return whether a signal has asked this command to end."""
    return _State.received is not None


def installed() -> bool:
    """Return whether this process handles signals as this module describes."""
    return _State.installed


def explain(hint: str) -> None:
    """Replace `HINT` in the line by `hint`."""
    _State.hint = hint


def end() -> None:
    """Print the line, end Ray's processes and exit; a timer that started with the signal bounds the time."""
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
    """End the processes of a cluster that this process started, at once; a joined cluster notices the departure.

    `ray.shutdown` leaves the dashboard running for a while, and now and then Ray's core, when it misses its raylet,
    ends this process with status 1. So the raylet is ended last, right before this process exits.
    """
    psutil = importlib.import_module("psutil")  # Ray brings it
    me, stopped = psutil.Process(), list[Any]()
    while found := [child for child in me.children(recursive=True) if child not in stopped]:
        for child in found:
            with contextlib.suppress(psutil.Error):
                child.suspend()  # otherwise the child would start another process
        stopped += found
    for child in reversed(stopped):  # parents are listed first
        with contextlib.suppress(psutil.Error):
            child.kill()


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Keep our signal handlers during and after a call that installs its own, such as `ray.init`."""
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
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored under nohup and in a shell's background
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
    with contextlib.suppress(OSError):  # the terminal has gone
        os.write(_State.stderr, line.encode(errors="backslashreplace"))


def _leave() -> None:
    _say()
    os._exit(128 + (_State.received or 0))
