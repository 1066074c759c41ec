"""Entry point of the command `difffas`: sets up signals and the terminal's encoding before slower imports."""

from __future__ import annotations

import os
import sys

from factory.core.interrupts import caught

LOST = "backslashreplace"  # show characters that the terminal cannot show as codes


def main(arguments: list[str] | None = None) -> None:
    """Run the command; errors end it with one line and an exit status."""
    with caught():
        _speak_utf8()
        from factory import cli
        from factory.core import exits, homes

        with exits.one_line_exits():
            homes.have_home()
        cli.main(arguments)


def _speak_utf8() -> None:
    """Use UTF-8 for file names in any locale, here and in Ray's workers; write only characters the terminal can show.

    Python fixes the encoding of file names when it starts, and Arrow accepts only UTF-8, so Python is restarted once.
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
