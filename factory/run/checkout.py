"""Identifies the code that runs: its version, and its commit if known."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

import difffas

COMMIT = "DIFFFAS_COMMIT"  # set where code runs without its repository: when sent to a cluster, or in an image
ROOT = Path(difffas.__file__).parent.parent
SECONDS = 10.0


@functools.cache
def code() -> dict[str, str]:
    """Return `version` and, if known, `commit`: the checkout's, with `-dirty` if tracked files were changed."""
    commit = os.environ.get(COMMIT) or _of_checkout()
    return {"version": difffas.__version__, **({"commit": commit} if commit else {})}


def _of_checkout() -> str | None:
    """Return the commit of the repository that holds this code; None without a repository or without git."""
    if not (ROOT / ".git").exists():
        return None
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}-dirty" if changed else commit


def _git(*arguments: str) -> str:
    line = ["git", "--no-optional-locks", "-C", str(ROOT), *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=True, timeout=SECONDS).stdout.strip()
