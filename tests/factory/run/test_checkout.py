"""Which code ran, in a repository of the test's own."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

import difffas
from benchmarks.corpora import NoConfig
from factory.run import Run, read_claim
from factory.run import checkout as module
from tests.root import ROOT


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one committed file, taken for this code's own."""
    line = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "code.py").write_text("1\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*line, *arguments], check=True)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.delenv(module.COMMIT, raising=False)
    module.code.cache_clear()
    return tmp_path


@pytest.fixture(autouse=True)
def _forget() -> None:
    module.code.cache_clear()


def test_a_checkout_says_its_commit_and_whether_it_was_changed(checkout: Path) -> None:
    head = subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert module.code() == {"version": difffas.__version__, "commit": head.stdout.strip()}
    (checkout / "notes.txt").write_text("of no matter\n")
    module.code.cache_clear()
    assert not module.code()["commit"].endswith("-dirty")
    (checkout / "code.py").write_text("2\n")
    module.code.cache_clear()
    assert module.code()["commit"] == f"{head.stdout.strip()}-dirty"


def test_what_was_sent_to_a_cluster_is_told_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.delenv(module.COMMIT, raising=False)
    assert module.code() == {"version": difffas.__version__}
    module.code.cache_clear()
    monkeypatch.setenv(module.COMMIT, "0123abc-dirty")
    assert module.code()["commit"] == "0123abc-dirty"


def test_every_run_says_which_code_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.COMMIT, "0123abc")
    run = Run(str(tmp_path / "out"), "test", {}, NoConfig())
    assert read_claim(run.storage)["code"] == {"version": difffas.__version__, "commit": "0123abc"}


def test_the_version_stands_in_one_place() -> None:
    """Images and manifests name it, since they are read by others than Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"] and project["project"]["dynamic"] == ["version"]
    for name in ("Dockerfile", "docs/kubernetes.md"):
        assert f"difffas-factory:{difffas.__version__}" in (ROOT / name).read_text(encoding="utf-8")
    assert f"newTag: {difffas.__version__}" in (ROOT / "kubernetes/gpu/kustomization.yaml").read_text(encoding="utf-8")
    assert f"\n## [{difffas.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
