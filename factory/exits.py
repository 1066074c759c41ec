"""How a command ends: one line on stderr and an exit status, never a traceback of a user's mistake."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from factory.credentials import hide


@contextlib.contextmanager
def one_line_exits() -> Iterator[None]:
    """Turn what ends a command into one line and an exit status.

    2: a mistake of the user; 3: shards in quarantine; 4: stalled, or too many workers lost; 5: a store or disk failed.
    After 4 and 5: run it again.
    """
    try:
        yield
    except ValueError as error:
        error = getattr(error, "cause", None) or error  # Ray wraps what a task raises, traceback and all
        _fail(error, 2)
    except OSError as error:
        _fail(error, 5)  # a store or a disk that stayed away: nothing of the user's is wrong, so run it again
    except RuntimeError as error:
        from factory.faults import Quarantined, Stalled

        if isinstance(error, Stalled):
            _say(error)
            os._exit(4)  # at once: what hangs would hang the way out as well
        if not isinstance(error, Quarantined):
            raise
        _fail(error, 3)


def _fail(error: Exception, status: int) -> None:
    _say(error)
    raise SystemExit(status) from None


def _say(error: Exception) -> None:
    print(f"difffas: error: {hide(' '.join(str(error).split()))}", file=sys.stderr, flush=True)
