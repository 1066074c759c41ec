"""How a command ends: one line on stderr and an exit status, never a traceback of a user's mistake."""

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


@contextlib.contextmanager
def one_line_exits() -> Iterator[None]:
    """Turn what ends a command into one line and an exit status.

    1, with a traceback: a bug; 2: a mistake of the user; 3: shards in quarantine; 4: stalled, or workers lost;
    5: a store or disk failed. After 4 and 5: run it again. With `DIFFFAS_DEBUG=1` every one shows its traceback.
    """
    try:
        yield
    except BaseException as error:
        if interrupts.received():  # whatever it became on its way, it is told by `interrupts`
            raise
        _ended(error)
        raise


def _ended(error: BaseException) -> None:
    """End with one line what is no bug."""
    if isinstance(error, UserError):
        error = getattr(error, "cause", None) or error  # Ray wraps what a task raises, traceback and all
        _fail(error, 2)
    if isinstance(error, FloatingPointError):
        _fail(error, 2)  # of `generators`: a model whose weights are finite and whose spoofs are not
    if isinstance(error, OSError):
        _fail(error, 5)  # a store or a disk that stayed away: nothing of the user's is wrong, so run it again
    if isinstance(error, RuntimeError):
        from factory.core.errors import Quarantined, Stalled

        if isinstance(error, Stalled):
            _say(error)
            os._exit(4)  # at once: what hangs would hang the way out as well
        if isinstance(error, Quarantined):
            _fail(error, 3)


def _fail(error: BaseException, status: int) -> NoReturn:
    if os.environ.get("DIFFFAS_DEBUG") == "1":
        print(hide("".join(traceback.format_exception(error))), file=sys.stderr)
    _say(error)
    raise SystemExit(status) from None


def _say(error: BaseException) -> None:
    print(f"difffas: error: {hide(' '.join(str(error).split()))}", file=sys.stderr, flush=True)
