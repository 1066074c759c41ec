"""Masks credentials on a command's standard output and error: its own lines, logs, workers' lines, tracebacks."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from factory.core.credentials import hide


class Masked:
    """A text stream that masks text with `credentials.hide` and passes everything else to another stream."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Mask and write a text. Every URL lies within one text, because print, logging and traceback write so."""
        self._stream.write(hide(text) if isinstance(text, str) else text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def masked_output() -> Iterator[None]:
    """Mask every credential printed in this context, also in the traceback that Python prints after it ends."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (Masked(stream) for stream in before)
    try:
        yield
    except Exception:
        sys.excepthook = functools.partial(_masked_traceback, sys.excepthook)
        raise
    finally:
        sys.stdout, sys.stderr = before


def _masked_traceback(hook: Callable[..., Any], *error: Any) -> None:
    sys.excepthook = hook
    with masked_output():
        hook(*error)
