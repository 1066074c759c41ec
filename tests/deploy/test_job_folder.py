"""What `ray job submit --working-dir .` takes out of a checkout, by Ray's own packing."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from ray._private.ray_constants import get_runtime_env_default_excludes
from ray._private.runtime_env.packaging import create_package

from tests.root import ROOT

CODE = ("factory/cli/__init__.py", "factory/ablate/losses.yaml", "factory/cards/model.md", "difffas/losses/margins.py")
SETTINGS = ("jobs/generate.py", "jobs/generate.yaml", "examples/style.yaml", "mine.yaml")
PRIVATE = (
    *(".env", ".git/config", ".netrc", "id_rsa", "scores.csv", "weights/a.pth", "factory/__pycache__/cli.pyc"),
    *("photos/live/p0/1.jpg", "corpora/faces/data/live-train-000000.parquet", "runs/first/corpus/run.json"),
)


def test_code_and_settings_are_sent_and_nothing_that_lies_about(tmp_path: Path) -> None:
    checkout, package = tmp_path / "checkout", tmp_path / "package.zip"
    for name in (*CODE, *SETTINGS, *PRIVATE):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("here")
    for name in (".gitignore", ".rayignore"):
        shutil.copy(ROOT / name, checkout)
    create_package(str(checkout), package, include_gitignore=True, excludes=get_runtime_env_default_excludes())
    with zipfile.ZipFile(package) as archive:
        sent = {name for name in archive.namelist() if not name.endswith("/")}
    assert sent == {*CODE, *SETTINGS}
