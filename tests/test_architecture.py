"""The rules that the tree promises: one direction of imports, small files, light start, no pickle."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
METHOD = sorted((ROOT / "difffas").rglob("*.py"))
PLANT = sorted((ROOT / "factory").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level names of every module that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("path", METHOD, ids=lambda path: path.name)
def test_the_method_knows_nothing_of_the_plant(path: Path) -> None:
    allowed = {"difffas", "torch", "diffusers", "timm", "piq", "PIL", "numpy", "safetensors"}
    assert imported(path) - set(sys.stdlib_module_names) <= allowed


def test_the_method_imports_and_runs_without_ray() -> None:
    code = """
import sys
for name in ("ray", "factory", "pyarrow", "pydantic", "fsspec"):
    sys.modules[name] = None
import torch
from difffas import SpoofPipeline, SpoofUNet, StyleEncoder
from difffas.style_encoder import SMALL_STYLE_ENCODER
from difffas.unet import SMALL_UNET
pipeline = SpoofPipeline(SpoofUNet(**SMALL_UNET), StyleEncoder(["a-print"], **SMALL_STYLE_ENCODER))
print(tuple(pipeline(torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32), t0=4, steps=2).shape))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(1, 3, 32, 32)"


def test_help_imports_nothing_heavy() -> None:
    code = """
import sys
from factory.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
print(sorted(set(sys.modules) & {"torch", "ray", "numpy", "pyarrow", "pydantic", "yaml", "diffusers"}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize("path", [*METHOD, *PLANT], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 300


@pytest.mark.parametrize("path", [*METHOD, *PLANT], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_is_unpickled(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not imported(path) & {"pickle", "cloudpickle", "joblib", "dill"}
    assert not re.search(r"allow_pickle\s*=\s*True", text)
    for call in re.findall(r"torch\.load\([^\n]*", text):
        assert "weights_only=True" in call


def test_jobs_have_no_logic() -> None:
    for path in (ROOT / "jobs").glob("*.py"):
        assert not [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.If | ast.FunctionDef)
        ]
        assert path.with_suffix(".yaml").is_file(), f"{path.name} has no configuration beside it"
