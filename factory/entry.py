"""Where the command `difffas` begins: signals and the terminal's encoding before anything that takes a moment."""

from __future__ import annotations

import os
import sys

from factory.core.interrupts import caught

LOST = "backslashreplace"  # what a terminal cannot show is shown as its code


def main(arguments: list[str] | None = None) -> None:
    """Run the command; what ends it is one line and an exit status."""
    with caught():
        _speak_utf8()
        from factory import cli
        from factory.core import exits, homes

        with exits.one_line_exits():
            homes.have_home()
        cli.main(arguments)


def _speak_utf8() -> None:
    """Names of files are UTF-8 whatever the locale, here and in Ray's workers; output is what the terminal can show.

    Python settles the encoding of names when it starts, and Arrow takes no other: so it is started once more.
    """
    if sys.getfilesystemencoding() != "utf-8" and sys.platform != "win32" and not sys.flags.utf8_mode:
        shown = getattr(sys.stderr, "encoding", None) or "ascii"
        environment = {**os.environ, "PYTHONUTF8": "1", "PYTHONIOENCODING": f"{shown}:{LOST}"}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=LOST)


if __name__ == "__main__":
    main()
