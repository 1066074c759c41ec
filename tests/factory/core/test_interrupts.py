"""Signals end a command in one line with 128 + their number, whatever it is doing, and nothing of it is left."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.cli.stations import CONFIG_ONLY_VERBS

SAYS = "run the command again to go on"


def started(code: str, **settings: object) -> subprocess.Popen[str]:
    """A process that says on stdout when it is ready for its signal."""
    body = f"import signal, sys, os, time\n{code}"
    process = subprocess.Popen(
        [sys.executable, "-c", body], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings
    )  # type: ignore[call-overload]
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process  # type: ignore[no-any-return]


def within(work: str, cleanup: str = "pass") -> str:
    """Code that does `work` as a command does."""
    return f"""
from factory.core.exits import one_line_exits
from factory.core.interrupts import caught
with caught(), one_line_exits():
    try:
        print("ready", flush=True)
        {work}
    finally:
        {cleanup}
"""


@pytest.mark.parametrize(
    ("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)], ids=lambda value: str(value)
)
def test_a_signal_is_one_line_and_its_status(name: str, status: int) -> None:
    process = started(within("time.sleep(30)", "print('left in order', flush=True)"))
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (status, f"difffas: stopped by {name}: {SAYS}\n")
    assert out == "left in order\n"


@pytest.mark.parametrize(
    "becomes",
    [
        "raise ValueError('Ray said so')",
        "raise OSError(5, 'io')",
        "raise RuntimeError('a bug')",
        "from factory.core.errors import Stalled; raise Stalled('nothing moves')",
        "raise SystemExit(15)",
        "pass",
    ],
)
def test_what_libraries_make_of_it_changes_nothing(becomes: str) -> None:
    work = f"""
        try:
            time.sleep(30)
        except KeyboardInterrupt:
            sys.stderr.write("Traceback of a library's")
            os.write(2, b"*** SIGTERM received at time=1 ***")
            {becomes}"""
    process = started(within(work))
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (143, f"difffas: stopped by SIGTERM: {SAYS}\n")


def test_the_same_signal_twice_is_one_and_a_later_one_hurries() -> None:
    for pause, leaves in ((0.1, "left in order\n"), (1.3, "")):
        process = started(within("time.sleep(30)", "time.sleep(3); print('left in order', flush=True)"))
        process.send_signal(signal.SIGINT)
        time.sleep(pause)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (130, f"difffas: stopped by SIGINT: {SAYS}\n")
        assert out == leaves


def test_a_hang_on_the_way_out_is_bounded() -> None:
    limit = "import factory.core.interrupts as i; i.LIMIT_SECONDS = 1.0\n"
    process = started(limit + within("time.sleep(30)", "time.sleep(60)"))
    process.send_signal(signal.SIGTERM)
    before = time.monotonic()
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - before < 10
    assert (process.returncode, err) == (143, f"difffas: stopped by SIGTERM: {SAYS}\n")


def test_what_nohup_ignores_stays_ignored() -> None:
    code = "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + within("time.sleep(1); print('went on', flush=True)")
    process = started(code)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "went on\n", "")


def test_nothing_changes_for_who_imports_the_code() -> None:
    code = """
import factory.cli, factory.entry, signal
print("ready", signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, factory.entry.caught.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "ready True caught\n"


@pytest.mark.parametrize("verb", sorted(CONFIG_ONLY_VERBS))
def test_while_a_command_imports(verb: str, tmp_path: Path) -> None:
    """From the first moment, whatever the command: half a second is less than any of them takes to import."""
    command = [sys.executable, "-m", "factory.entry", verb, f"out={tmp_path}/out"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while not _imports(process.pid):
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (143, f"difffas: stopped by SIGTERM: {SAYS}\n")


def _imports(pid: int) -> bool:
    """Whether a process has pydantic's core loaded: then it is past its own handlers, and has much to import."""
    try:
        return "_pydantic_core" in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    except OSError:
        return False


def test_following_a_job_says_that_the_job_goes_on() -> None:
    code = """
import factory.cluster.jobs, factory.cli
def logs(*_, **__):
    print("ready", flush=True)
    time.sleep(30)
factory.cluster.jobs.logs = logs
from factory.entry import main
main(["job", "logs", "generate-1", "--follow"])
"""
    for number in (signal.SIGINT, signal.SIGTERM):
        process = started(code)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
        said = "generate-1 goes on: difffas job logs generate-1 --follow, or difffas job stop generate-1"
        assert (process.returncode, err) == (128 + number, f"difffas: stopped by {number.name}: {said}\n")


def test_watching_a_status(tmp_path: Path) -> None:
    code = f"""
import factory.line.status
def watch(*_, **__):
    print("ready", flush=True)
    time.sleep(30)
factory.line.status.watch = watch
from factory.entry import main
main(["status", {str(tmp_path)!r}, "--watch"])
"""
    process = started(code)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, f"difffas: stopped by SIGINT: {SAYS}\n")


@pytest.mark.slow
@pytest.mark.parametrize("wait", ["Ray starts", "generate: "])
def test_a_run_leaves_no_process_and_no_c_stack(wait: str, tmp_path: Path) -> None:
    """Neither while Ray starts nor while the line runs; SIGTERM is what every supervisor sends."""
    importlib.import_module("ray")  # brings it

    import psutil

    write_corpus(tmp_path / "real", small_rows())
    given = [f"inputs.live={tmp_path}/real", f"inputs.guides={tmp_path}/real", "inputs.generator=dummy"]
    given += [f"out={tmp_path}/spoofs", "plan.samples=400000", "output.rows_per_shard=6", "sampler.batch_size=4"]
    log = tmp_path / "err"
    with log.open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "factory.entry", "generate", *given, "resources.gpus_per_generator=0"],
            stderr=err,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "RAY_ADDRESS": "local"},
        )
    me, deadline = psutil.Process(process.pid), time.monotonic() + 150
    while time.monotonic() < deadline:
        below = me.children(recursive=True)
        if wait in log.read_text() or (
            wait == "Ray starts" and any("/gcs_server" in " ".join(_title(p)) for p in below)
        ):
            break
        time.sleep(0.1)
    below = me.children(recursive=True)
    assert below
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    lines = log.read_text().splitlines()
    assert lines[-1] == f"difffas: stopped by SIGTERM: {SAYS}"
    assert [
        line for line in lines[:-1] if "core_worker.cc:2465" not in line and not line.startswith("generate: ")
    ] == []
    time.sleep(0.5)
    assert [" ".join(_title(p)) for p in below if _alive(p)] == []


def _alive(process: object) -> bool:
    """Not one that is dead and waits for the machine's first process to take note."""
    import psutil

    try:
        return process.status() != psutil.STATUS_ZOMBIE  # type: ignore[attr-defined, no-any-return]
    except psutil.Error:
        return False


def _title(process: object) -> list[str]:
    import psutil

    try:
        return process.cmdline()  # type: ignore[attr-defined, no-any-return]
    except psutil.Error:
        return []
