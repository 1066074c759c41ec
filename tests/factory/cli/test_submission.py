"""What is submitted, under which name, and what is refused; the cluster itself is in test_submit_cluster.py."""

from __future__ import annotations

import contextlib
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from factory.cli import submission
from factory.cli.submission import job_name, load_config
from factory.core.config import Config
from factory.storage.embedded import FOLDERS

GIVEN = ["inputs.live=/faces", "inputs.guides=/faces", "inputs.generator=dummy"]
MOST_SHIPPED = (
    13 + 7 + 16 + 8
) * 2**20  # tests of factory/embedded and factory/drawn hold corpora, generators to this


def config(*settings: str) -> Config:
    return load_config("generate", None, [*GIVEN, "out=/spoofs", *settings])


class FakeClient:
    """The jobs of a cluster."""

    def __init__(self, **status_of: str) -> None:
        self.jobs = [job(name, status) for name, status in status_of.items()]

    def list_jobs(self) -> list[Any]:
        return self.jobs


def job(name: str, status: str, code: int | None = None, message: str | None = None) -> Any:
    state = SimpleNamespace(value=status, is_terminal=lambda: status in ("SUCCEEDED", "FAILED", "STOPPED"))
    return SimpleNamespace(submission_id=name, status=state, driver_exit_code=code, message=message)


def attempt(again: bool = False, **status_of: str) -> tuple[str, bool]:
    client: Any = FakeClient(**{name.replace("_", "-"): status for name, status in status_of.items()})
    return submission._attempt(client, "tune-0a", "http://head:8265", again)


def test_a_run_has_one_name_whatever_machines_it_gets() -> None:
    name = job_name("generate", config())
    assert name.startswith("generate-") and len(name) == len("generate-") + 16
    assert name == job_name("generate", config("resources.generators=8"))
    assert name != job_name("generate", config("plan.samples=7"))
    assert name != job_name("generate", config("out=/elsewhere"))


def test_another_order_of_the_splits_is_another_run() -> None:
    """People are cut in that order."""
    first, second = (
        load_config("world", None, ["out=/faces", f"split={{{split}}}"])
        for split in ("train: 0.5, test: 0.5", "test: 0.5, train: 0.5")
    )
    assert job_name("world", first) != job_name("world", second)


def test_what_failed_or_was_stopped_may_be_submitted_again() -> None:
    assert attempt() == ("tune-0a", True)
    assert attempt(tune_0a="FAILED") == ("tune-0a-2", True)
    assert attempt(tune_0a="FAILED", tune_0a_2="STOPPED", tune_0a_10="FAILED") == ("tune-0a-11", True)
    assert attempt(tune_0ab="RUNNING") == ("tune-0a", True)


def test_what_succeeded_is_submitted_again_if_asked_for() -> None:
    assert attempt(tune_0a="FAILED", tune_0a_2="SUCCEEDED") == ("tune-0a-2", False)
    assert attempt(again=True, tune_0a="SUCCEEDED") == ("tune-0a-2", True)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_what_waits_or_runs_is_refused(status: str, again: bool) -> None:
    with pytest.raises(ValueError, match="tune-0a-2 is .* already: see it by `difffas job logs tune-0a-2 --follow"):
        attempt(again=again, tune_0a="FAILED", tune_0a_2=status)


def test_who_comes_second_by_a_moment_is_refused_as_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    class Raced(FakeClient):
        def submit_job(self, **given: Any) -> None:
            self.jobs.append(job(given["submission_id"], "RUNNING"))
            raise RuntimeError("Request failed with status code 500: Traceback (most recent call last):\n  File …")

    monkeypatch.setattr(submission, "connected", lambda address: contextlib.nullcontext(Raced()))
    with pytest.raises(ValueError, match="generate-[0-9a-f]{16} is running there already: see it by"):
        submission.submit("generate", config(), "http://head:8265", installed=True)


def test_the_upload_is_code_and_the_configuration_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIFFFAS_LISTS", raising=False)
    with submission._upload(config(), wheel=None, installed=False) as environment:
        (file,) = Path(environment["working_dir"]).iterdir()
        assert json.loads(file.read_text(encoding="utf-8")) == config().model_dump(mode="json")
        assert [Path(path).name for path in environment["py_modules"]] == ["difffas", "factory"]
        assert set(environment) - {"env_vars"} == {"working_dir", "py_modules"}
        assert set(environment.get("env_vars", {})) <= {"DIFFFAS_COMMIT"}  # no secret of this machine's
    monkeypatch.setenv("DIFFFAS_LISTS", "/shared/lists")
    with submission._upload(config(), wheel=None, installed=True) as environment:
        assert environment["env_vars"] == {
            "DIFFFAS_LISTS": "/shared/lists"
        }  # the folder of official lists, nothing else
    monkeypatch.delenv("DIFFFAS_LISTS")
    with submission._upload(config(), wheel=None, installed=True) as environment:
        assert set(environment) == {"working_dir"}


def test_the_splits_arrive_in_their_order() -> None:
    """In another order the cluster would train on other people than a run here."""
    given = load_config("world", None, ["out=/faces"])
    with submission._upload(given, wheel=None, installed=True) as environment:
        (file,) = Path(environment["working_dir"]).iterdir()
        assert str(load_config("world", str(file), [])) == str(given)


def test_a_wheel_is_unpacked_here(tmp_path: Path) -> None:
    wheel = tmp_path / "it.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("difffas/__init__.py", "")
    with pytest.raises(ValueError, match="has no package factory"), submission._upload(config(), str(wheel), False):
        pass
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("factory/__init__.py", "a = 1")
    with submission._upload(config(), str(wheel), False) as environment:
        assert (Path(environment["py_modules"][1]) / "__init__.py").read_text() == "a = 1"
    wheel.write_bytes(b"no archive")
    with pytest.raises(ValueError, match="cannot be read"), submission._upload(config(), str(wheel), False):
        pass


def test_data_among_the_code_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_bytes(b"x" * 100)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "code.pyc").write_bytes(b"x" * 10**6)
    assert submission.check_size([tmp_path], limit=1000) == 100
    (tmp_path / "faces.tar").write_bytes(b"x" * 2000)
    with pytest.raises(ValueError, match="largest file is .*faces.tar"):
        submission.check_size([tmp_path], limit=1000)


def test_what_is_here_is_well_below_the_limit() -> None:
    """Even when people and generator have grown to the size that their own tests allow."""
    shipped = sum(submission.check_size([folder]) for folder in set(FOLDERS.values()))
    code = submission.check_size(submission._running_code()) - shipped
    assert 0 < code < submission.LIMIT / 4
    assert code + MOST_SHIPPED < 0.75 * submission.LIMIT
