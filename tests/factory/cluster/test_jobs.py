"""Jobs from outside their cluster: errors of the dashboard in one line, how a job ended, its log."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from factory.cluster import jobs


def job(name: str, status: str, code: int | None = None, message: str | None = None) -> Any:
    state = SimpleNamespace(value=status, is_terminal=lambda: status in ("SUCCEEDED", "FAILED", "STOPPED"))
    return SimpleNamespace(submission_id=name, status=state, driver_exit_code=code, message=message)


def test_of_the_dashboard_s_traceback_the_last_line_is_said() -> None:
    error = "Request failed with status code 500: Traceback (most recent call last):\n  File x\nOSError: full\n."
    said = jobs._explained("http://head:8265", error)
    assert said == "http://head:8265: OSError: full"


@pytest.mark.parametrize(
    ("ended", "status", "said"),
    [
        (job("a", "SUCCEEDED", 0), 0, ""),
        (job("a", "FAILED", 3, "a log's last lines"), 3, ""),
        (job("a", "FAILED", -9, "a log's last lines"), 1, "difffas: a died by signal 9\n"),
        (job("a", "FAILED", None, "no such\nnode"), 1, "difffas: a did not come to run: no such node\n"),
        (job("a", "STOPPED", None, "stopped"), 1, "difffas: a was stopped\n"),
    ],
)
def test_how_a_job_ended(ended: Any, status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert jobs.exit_status(ended) == status
    assert capsys.readouterr().err == said


def test_a_log_is_written_once_over_several_connections() -> None:
    written: list[str] = []
    log = jobs._Log(written.append)
    for chunks in (["one\n", "tw"], ["one\ntwo\n"], ["one", "\ntwo\nthree", "\n"]):
        log.begin()
        for chunk in chunks:
            log.add(chunk)
    assert "".join(written) == "one\ntwo\nthree\n"
