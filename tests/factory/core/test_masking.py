"""Logs, warnings, tracebacks and lines on the way are masked."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from factory.core.progress import say
from tests.root import ROOT


def test_what_is_said_on_the_way_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    say("reading http://user:hunter2@host/x")
    assert capsys.readouterr().err == "reading http://***@host/x\n"


def test_logs_warnings_and_the_traceback_of_a_bug_are_masked() -> None:
    """Whoever prints it, and in a variable of the environment, too."""
    code = """
import logging, sys, warnings
import factory.cli.standing

def bug(folder):
    print("printed http://user:hunter2@host/1")
    print("as ", "http://user:hunter2@host/2", file=sys.stderr, sep="")
    logging.basicConfig(); logging.error("logged %s", "http://user:hunter2@host/3")
    warnings.warn("warned http://user:hunter2@host/4 with planted/aws/secret")
    try:
        raise ConnectionError("first s3://user:hunter2@bucket")
    except ConnectionError:
        raise LookupError("then https://host/x?sig=hunter2")

factory.cli.standing.standing = bug
from factory.cli import main
main(["status", "folder"])
"""
    environment = {**os.environ, "AWS_SECRET_ACCESS_KEY": "planted/aws/secret"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Traceback" in printed
    for there in (
        "printed http://***@host/1",
        "as http://***@host/2",
        "logged http://***@host/3",
        "warned http://***@",
    ):
        assert there in printed
    assert "hunter2" not in printed
    assert "ConnectionError: first s3://***@bucket" in printed
    assert "LookupError: then https://host/x?sig=***" in printed
    assert "planted/aws" not in printed
