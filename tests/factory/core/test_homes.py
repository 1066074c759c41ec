"""A user without an entry in passwd and without HOME, as OpenShift runs a container."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from factory.core.homes import have_home, private_folder
from tests.root import ROOT


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_home_is_made_where_there_is_none(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setenv("HOME", "/")
    have_home()
    assert os.environ["HOME"] == "/", "a home that cannot be written is one: credentials may lie in it"
    monkeypatch.delenv("HOME")
    have_home()
    assert "HOME" not in os.environ, "passwd knows it"
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    have_home()
    assert os.environ["HOME"] == str(temporary / f"difffas-home-{os.getuid()}")
    assert stat.S_IMODE(Path(os.environ["HOME"]).stat().st_mode) == 0o700


def test_nobody_else_s_folder_is_taken(temporary: Path) -> None:
    private_folder("home").chmod(0o777)
    with pytest.raises(ValueError, match=r"is not a folder of this user's alone: remove it, or set TMPDIR"):
        private_folder("home")


@pytest.mark.slow
def test_commands_of_a_user_whom_nobody_knows(tmp_path: Path) -> None:
    """What each imports before it does anything, Ray Train and Ray Tune as well."""
    code = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
import factory.entry
os.environ.pop("HOME", None); os.environ.pop("USER", None); os.environ.pop("LOGNAME", None)
import pwd
def unknown(uid): raise KeyError("getpwuid(): uid not found")
pwd.getpwuid = unknown
from factory import cluster
from factory.cluster import local_ray
cluster.prepare_environment()
import ray.train, ray.tune
from torch._inductor.runtime.cache_dir_utils import default_cache_dir
default_cache_dir()
local_ray.own_token()
print(os.environ["HOME"])
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment)
    assert done.stdout == f"{tmp_path}/difffas-home-{os.getuid()}\n", done.stderr
