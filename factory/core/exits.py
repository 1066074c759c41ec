"""How a command ends: with one line on stderr and an exit status; a user's mistake never gives a traceback."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator
from typing import NoReturn

from difffas.errors import UserError
from factory.core import interrupts
from factory.core.credentials import hide

STATUSES: dict[int | str, str] = {
    0: "done; running a finished command again does nothing",
    1: "a check found something wrong, or, with a traceback, a bug of ours",
    2: "a mistake in what was asked, in one line with its mend",
    3: "shards are in quarantine: difffas retry-failed OUT",
    4: "stalled, or workers were lost: run the command again",
    5: "a store or disk failed: run the command again",
    "128 + N": "ended by signal N; running the command again goes on where it stopped",
}


@contextlib.contextmanager
def one_line_exits() -> Iterator[None]:
    """Turn the error that ends a command into one line and an exit status.

    `STATUSES` says which. `DIFFFAS_DEBUG=1` shows the traceback of every error.
    """
    try:
        yield
    except BaseException as error:
        if interrupts.received():  # whatever error the signal has become, `interrupts` reports it
            raise
        _ended(error)
        raise


def _ended(error: BaseException) -> None:
    """End the command with one line if the error is expected rather than a bug."""
    if isinstance(error, UserError):
        error = getattr(error, "cause", None) or error  # Ray wraps a task's error together with its traceback
        _fail(error, 2)
    if isinstance(error, FloatingPointError):
        _fail(error, 2)  # from `generators`: the weights of a model are finite and its spoofs are not
    if isinstance(error, OSError):
        _fail(error, 5)  # a store or a disk stayed away: the user made no mistake and runs the command again
    if isinstance(error, RuntimeError):
        from factory.core.errors import Quarantined, Stalled

        if isinstance(error, Stalled):
            _say(error)
            os._exit(4)  # at once: whatever hangs would also block an orderly exit
        if isinstance(error, Quarantined):
            _fail(error, 3)


def _fail(error: BaseException, status: int) -> NoReturn:
    if os.environ.get("DIFFFAS_DEBUG") == "1":
        print(hide("".join(traceback.format_exception(error))), file=sys.stderr)
    _say(error)
    raise SystemExit(status) from None


def _say(error: BaseException) -> None:
    print(f"difffas: error: {hide(' '.join(str(error).split()))}", file=sys.stderr, flush=True)
