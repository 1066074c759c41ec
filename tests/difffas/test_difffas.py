"""`import difffas` costs nothing, and its names are those of the modules that define them."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import difffas
from tests.root import ROOT


def test_every_public_name_is_that_of_its_module() -> None:
    assert set(difffas.__all__) == {"__version__", *difffas._HOMES} == set(dir(difffas))
    for name, home in difffas._HOMES.items():
        found = getattr(difffas, name)
        assert found is getattr(importlib.import_module(home), name)
        assert found.__module__ == home


def test_other_names_are_told_as_python_does() -> None:
    with pytest.raises(AttributeError, match="module 'difffas' has no attribute 'Unet'"):
        difffas.Unet  # type: ignore[attr-defined]  # noqa: B018


def test_nothing_heavy_is_imported_before_it_is_asked_for() -> None:
    code = """
import sys, difffas
print(sorted({"torch", "numpy", "diffusers"} & set(sys.modules)))
difffas.EMA
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]
