"""Checks this machine for the tools of `torch.compile`, which otherwise fails minutes later with a traceback."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

from difffas.errors import UserError


def check_compiler(setting: str = "resources.compile") -> None:
    """Raise UserError, naming the setting and the remedy, if this machine cannot compile."""
    if (missing := missing_for_compile()) is not None:
        raise UserError(f"{setting}=true needs {missing}; or leave {setting} out")


def missing_for_compile() -> str | None:
    """Return what is missing, with the remedy: Inductor needs C++, Triton on GPUs C, and both Python's headers."""
    cxx = os.environ.get("CXX", "g++")
    if not _runs(cxx):
        return f"a C++ compiler, and {cxx!r} does not run here: install g++, or name one in CXX"
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        return f"Python's headers, and {sysconfig.get_path('include')} has no Python.h: install python3-dev"
    import torch

    if torch.cuda.is_available():
        cc = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang") or "gcc"
        if not _runs(cc):
            return f"a C compiler for GPUs, and {cc!r} does not run here: install gcc, or name one in CC"
    return None


def _runs(compiler: str) -> bool:
    try:
        return subprocess.run([*shlex.split(compiler), "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return False
