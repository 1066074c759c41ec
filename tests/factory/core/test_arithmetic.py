"""What decides the last bit of a pixel is set in every process of the plant, and told."""

from __future__ import annotations

import os
import subprocess
import sys

import torch

from factory.cluster import ENVIRONMENT
from factory.core import arithmetic


def settings_after(code: str, **given: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in arithmetic.SETTINGS} | given
    command = [sys.executable, "-c", f"{code}\nimport os\nprint(os.environ.get('MKL_CBWR'))"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_plant_sets_them_and_leaves_what_somebody_set() -> None:
    assert settings_after("import factory.corpus.row") == "AUTO"
    assert settings_after("import factory.corpus.row", MKL_CBWR="COMPATIBLE") == "COMPATIBLE"


def test_a_cluster_s_processes_have_them_from_the_start() -> None:
    assert arithmetic.SETTINGS.items() <= ENVIRONMENT.items()


def test_the_description_names_what_changes_bits() -> None:
    found = arithmetic.describe()
    assert found["cpu"] == torch.backends.cpu.get_cpu_capability()
    assert found["threads"] == torch.get_num_threads()
    assert found["MKL_CBWR"] == os.environ["MKL_CBWR"]


def test_a_setting_of_one_s_own_is_in_the_description() -> None:
    code = "from factory.core import arithmetic; print(arithmetic.describe())"
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "'ONEDNN_MAX_CPU_ISA': 'AVX2'" in told.stdout
