"""Ray jobs from outside their cluster: a connection with clear errors; status, logs and end of a job."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import urlsplit

from difffas.errors import UserError
from factory import cluster
from factory.core.progress import duration, say

if TYPE_CHECKING:
    from ray.job_submission import JobDetails, JobSubmissionClient

CONNECTIONS = 5  # attempts to follow one log
END_SECONDS = 3.0  # longest wait from the end of a job's log until Ray reports how the job ended
STOP_SECONDS = 60.0
LIKE = "http://HOST:8265"
CHATTY = (
    "ray.dashboard.modules.job.sdk",
    "ray.dashboard.modules.dashboard_sdk",
    "ray._private.runtime_env.packaging",
)
ADDRESSES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")


@contextlib.contextmanager
def connected(address: str) -> Iterator[JobSubmissionClient]:
    """Give a client of the cluster whose dashboard is at `address`.

    Raises:
        UserError: in one line, if nothing or another service answers there, or the token is refused.
    """
    _reach(address)
    cluster.prepare_environment()
    import requests
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        with _no_other_address():
            client = JobSubmissionClient(address)
        yield client
    except AuthenticationError as error:
        raise UserError(cluster.token_refused(address, str(error))) from None
    except requests.HTTPError as error:
        raise UserError(f"{address} is not a Ray dashboard, or is broken: {error}") from None
    except (ConnectionError, requests.RequestException):
        raise UserError(
            f"no Ray dashboard answers at {address}: give http://HOST:8265 as `ray start` prints it"
        ) from None
    except RuntimeError as error:
        raise UserError(_explained(address, str(error))) from None


class JobFacts(TypedDict):
    """The main facts of a job; `took` is text such as `2 min`, None before the job began."""

    job: str | None
    status: str
    exit_status: int | None
    out: str | None
    took: str | None


class Jobs(TypedDict):
    """The facts of all jobs that `submit` named, the oldest first."""

    jobs: list[JobFacts]


def status(name: str | None, address: str) -> JobFacts | Jobs:
    """Return the status of a job, or of all jobs that `submit` named."""
    with connected(address) as client:
        if name is not None:
            return _facts(client.get_job_info(name))
        jobs = sorted((job for job in client.list_jobs() if "verb" in (job.metadata or {})), key=_started)
        return {"jobs": [_facts(job) for job in jobs]}


def stop(name: str, address: str) -> JobFacts:
    """End a job and return its status once it has ended. Its finished work stays, and the run can be resumed."""
    with connected(address) as client:
        client.stop_job(name)
        deadline = time.monotonic() + STOP_SECONDS
        while not (job := client.get_job_info(name)).status.is_terminal() and time.monotonic() < deadline:
            time.sleep(0.5)
        return _facts(job)


def logs(name: str, address: str, follow: bool, write: Callable[[str], Any]) -> int:
    """Write a job's log, with `follow` until the job ends, and return its exit status (see `exit_status`).

    Raises:
        OSError: if the connection broke again and again; the job may still run.
    """
    with connected(address) as client:
        if not follow:
            write(client.get_job_logs(name))
            return 0
        client.get_job_info(name)  # an unknown name would only close the connection
        log = _Log(write)
        for _ in range(CONNECTIONS):
            _tail(client, name, log)
            if (job := _ended(client, name)) is not None:
                return exit_status(job)
    raise OSError(f"the connection broke {CONNECTIONS} times; {name} may still run: difffas job logs {name} --follow")


def exit_status(job: JobDetails) -> int:
    """Return the exit status of a job's command; 1, and a printed line with the reason, if it has none."""
    ended, code = job.status.value, job.driver_exit_code
    if ended == "SUCCEEDED":
        return 0
    if ended == "FAILED" and code is not None and code > 0:
        return int(code)
    what = "was stopped" if ended == "STOPPED" else f"died by signal {-code}" if code else "did not come to run"
    reason = "" if ended == "STOPPED" or code else f": {' '.join((job.message or 'no reason given').split())[:500]}"
    say(f"difffas: {job.submission_id} {what}{reason}")
    return 1


def same_run(name: str, first: str) -> bool:
    """Return whether a submission id is an attempt of the run whose first attempt is `first`."""
    return name == first or (name.startswith(f"{first}-") and name.removeprefix(f"{first}-").isdecimal())


def number_of(name: str | None, first: str) -> int:
    """Return the number of a submission id's attempt, from 1."""
    return int((name or "").removeprefix(first).removeprefix("-") or 1)


class _Log:
    """Writes a log once, although every connection sends it again from its beginning."""

    def __init__(self, write: Callable[[str], Any]) -> None:
        self._write, self._written, self._sent = write, 0, 0

    def begin(self) -> None:
        self._sent = 0

    def add(self, text: str) -> None:
        fresh = text[max(0, self._written - self._sent) :]
        self._sent += len(text)
        self._written = max(self._written, self._sent)
        self._write(fresh)


def _tail(client: JobSubmissionClient, name: str, log: _Log) -> None:
    """Write a job's log as it grows, until the job ends or the connection breaks."""
    import aiohttp

    async def tail() -> None:
        log.begin()
        async for text in client.tail_job_logs(name):
            log.add(text)

    with contextlib.suppress(RuntimeError, aiohttp.ClientError, ConnectionError):
        asyncio.run(tail())


def _ended(client: JobSubmissionClient, name: str) -> JobDetails | None:
    """Return the job if it has ended; None if it still runs and only the connection ended."""
    deadline = time.monotonic() + END_SECONDS
    while not (job := client.get_job_info(name)).status.is_terminal():
        if time.monotonic() > deadline:
            return None
        time.sleep(0.2)
    return job


def _reach(address: str) -> None:
    """Test the address first: Ray's client has no time limit, and waits minutes for a machine that drops packets."""
    parts = urlsplit(address)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or not port or "@" in parts.netloc:
        raise UserError(f"address {address.rpartition('@')[2]!r} is not the URL of a dashboard: give {LIKE}")
    try:
        cluster.reach(parts.hostname, port)
    except OSError as error:
        raise UserError(f"nothing answers at {address} ({error}): is the cluster up, the port forwarded?") from None


@contextlib.contextmanager
def _no_other_address() -> Iterator[None]:
    """Hide variables whose addresses Ray's client would prefer to the given address."""
    before = {name: os.environ.pop(name) for name in ADDRESSES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)


def _explained(address: str, error: str) -> str:
    if "Traceback" in error:  # a traceback of the dashboard
        error = error.rstrip(" .\n").rpartition("\n")[2]
    text = " ".join(error.split())[:500]
    if "does not exist" in text:
        return f"{address} knows no such job: difffas job status lists them"
    if "404" in text and "Version check" in text:
        return f"what answers at {address} is no Ray dashboard: give {LIKE}"
    return f"{address}: {text}"


def _started(job: JobDetails) -> int:
    return int(job.start_time or 0)


def _facts(job: JobDetails) -> JobFacts:
    """Return the main facts of a job, without its message, which repeats the log's last 20,000 characters."""
    end = (job.end_time or time.time() * 1000) / 1000
    return {
        "job": job.submission_id,
        "status": job.status.value.lower(),
        "exit_status": job.driver_exit_code,
        "out": (job.metadata or {}).get("out"),
        "took": duration(end - job.start_time / 1000) if job.start_time else None,
    }
