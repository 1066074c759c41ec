"""`difffas env`: a shell that reads it has what every command here sets."""

from __future__ import annotations

import os
import subprocess

from factory.cluster import ENVIRONMENT
from factory.cluster.variables import WHY, exports


def test_a_shell_has_every_variable() -> None:
    clean = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    done = subprocess.run(["sh", "-c", f"{exports()}\nenv"], capture_output=True, text=True, check=True, env=clean)
    found = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    assert found.items() >= ENVIRONMENT.items()
    assert "RAY_worker_niceness" not in found
    assert WHY.keys() <= ENVIRONMENT.keys()
