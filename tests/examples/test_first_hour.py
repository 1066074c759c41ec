"""The script of docs/first-hour.md: one page, without Ray, and it learns."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.root import ROOT

SCRIPT = ROOT / "examples" / "first_hour.py"
RUN = """
import json, runpy, sys
for name in ("ray", "fsspec"):
    sys.modules[name] = None
script, losses, *sys.argv[1:] = sys.argv[1:]
with open(losses, "w") as file:
    json.dump(runpy.run_path(script, run_name="__main__")["losses"], file)
"""


def test_it_fits_one_page() -> None:
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) <= 100


@pytest.mark.slow
def test_it_runs_without_ray_and_its_loss_falls(tmp_path: Path) -> None:
    options = ["--steps", "16", "--people", "8", "--out", str(tmp_path / "out")]
    command = [sys.executable, "-c", RUN, str(SCRIPT), str(tmp_path / "losses.json"), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    losses = json.loads((tmp_path / "losses.json").read_text())
    assert len(losses) == 16
    assert all(math.isfinite(loss) for loss in losses)
    assert sum(losses[-4:]) < 0.9 * sum(losses[:4])  # noise has variance 1, and the untrained network predicts 0
    assert (tmp_path / "out" / "model" / "model_index.json").is_file()
    with Image.open(tmp_path / "out" / "sheet.png") as sheet:
        assert (sheet.mode, sheet.size) == ("RGB", (12 * 96, 3 * 96))
        assert len(sheet.getcolors(12 * 96 * 3 * 96) or []) > 1000
    assert [line.partition(":")[0].strip() for line in done.stdout.splitlines()[-3:]] == [
        "live face",
        "our spoof",
        "real spoof",
    ]
