from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from benchmarks.corpora import NoConfig
from difffas.errors import UserError
from factory.core.config import build
from factory.corpus import Totals
from factory.prepare import PrepareConfig
from factory.run import Run, read_claim, read_summary
from factory.storage import Storage


def test_same_identity_resumes_and_another_is_refused(tmp_path: Path) -> None:
    first = Run(str(tmp_path), "generate", {"seed": 1}, NoConfig())
    again = Run(str(tmp_path), "generate", {"seed": 1}, NoConfig())
    assert first.fingerprint == again.fingerprint
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(ValueError, match="belongs to another run .* give another out folder"):
        Run(str(tmp_path), "generate", {"seed": 2}, NoConfig())
    with pytest.raises(ValueError, match="belongs to another run"):
        Run(str(tmp_path), "prepare", {"seed": 1}, NoConfig())
    assert (tmp_path / "run.json").read_bytes() == before


def test_a_job_s_upload_is_no_place_for_its_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray deletes it with the job, and every node has its own: the corpus would be gone, the exit status 0."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", '{"runtime_env": {"working_dir": "gcs://_ray_pkg_0.zip"}}')
    with pytest.raises(ValueError, match="out=spoofs is a relative path"):
        Run("spoofs", "generate", {}, NoConfig())
    assert not (tmp_path / "spoofs").exists()
    Run(str(tmp_path / "spoofs"), "generate", {}, NoConfig())
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", '{"runtime_env": {"env_vars": {}}}')
    Run("elsewhere", "generate", {}, NoConfig())


def test_claim_records_software_and_summary_is_written_once(tmp_path: Path) -> None:
    run = Run(str(tmp_path), "generate", {}, NoConfig())
    assert run.summary() is None
    assert "ray" in read_claim(run.storage)["software"]
    assert run.finish({"rows": 1}) == {"rows": 1}
    assert run.finish({"rows": 2}) == {"rows": 1}
    written = json.loads((tmp_path / "summary.json").read_text())
    assert sorted(written.pop("digests")) == ["run.json", "summary.json"]
    assert run.summary() == written == {"rows": 1}


def test_the_settings_of_a_run_can_be_run_again_by_hand(tmp_path: Path) -> None:
    """Keys are sorted, except the splits: people are cut in their order."""
    split = {"train": 0.5, "dev": 0.25, "test": 0.25}
    config = build(PrepareConfig, {"source": "/photos", "out": str(tmp_path / "out"), "crop": "none", "split": split})
    run = Run(config.out, "prepare", {"split": list(config.split.items())}, config)
    claim = json.loads((tmp_path / "out" / "run.json").read_text())
    assert list(claim["config"]["split"]) == list(split)
    assert list(claim) == sorted(claim) and list(claim["config"]) == sorted(claim["config"])
    again = build(PrepareConfig, claim["config"])
    assert Run(again.out, "prepare", {"split": list(again.split.items())}, again).fingerprint == run.fingerprint


def test_a_foreign_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no run\.json"):
        read_claim(Storage(str(tmp_path)))


def test_a_damaged_summary_is_one_line(tmp_path: Path) -> None:
    """Of a finished run, and of a folder that another station reads."""
    run = Run(str(tmp_path), "generate", {}, NoConfig())
    run.finish({"shards": 3, "planned": "many"})
    for read in (lambda: run.summary(Totals), lambda: read_summary(run.storage, Totals)):
        with pytest.raises(UserError, match=r"summary.json is corrupt \(its planned has another form\): delete"):
            read()
    assert read_summary(run.storage) == {"shards": 3, "planned": "many"}


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EROFS])
def test_a_place_where_nothing_can_be_written_says_what_to_do(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: object, name: str, data: bytes) -> bool:
        raise OSError(number, os.strerror(number), f"{tmp_path}/out")

    monkeypatch.setattr("factory.storage.LocalFolder.create", refused)
    with pytest.raises(
        OSError, match=rf"{os.strerror(number)}: out={tmp_path}/out cannot be written: give a "
    ) as told:
        Run(f"{tmp_path}/out", "generate", {}, NoConfig())
    assert told.value.errno == number


def test_no_folder_can_be_made_in_proc() -> None:
    with pytest.raises(OSError, match="out=/proc/x cannot be written: give a folder that this user can write"):
        Run("/proc/x", "generate", {}, NoConfig())


def test_a_full_disk_keeps_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, name: str, data: bytes) -> bool:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("factory.storage.LocalFolder.create", full)
    with pytest.raises(OSError, match="No space left on device$"):
        Run(f"{tmp_path}/out", "generate", {}, NoConfig())
