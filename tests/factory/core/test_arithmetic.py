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
    assert settings_after("import factory.corpus.row") == "AUTO,STRICT"
    assert settings_after("import factory.corpus.row", MKL_CBWR="COMPATIBLE") == "COMPATIBLE"


def test_a_row_is_rounded_alike_at_every_place_with_the_kernels_of_avx2() -> None:
    """Without STRICT they differ: on an Intel Xeon, in 28 of 84 sizes such as this one."""
    code = (
        "import factory.corpus.row, torch\n"
        "x, layer = torch.randn(4, 8, 64), torch.nn.Linear(64, 32)\n"
        "print(torch.equal(layer(x[[2, 0, 3, 1]]), layer(x)[[2, 0, 3, 1]]))"
    )
    assert settings_after(code, MKL_ENABLE_INSTRUCTIONS="AVX2") == "True\nAUTO,STRICT"


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
