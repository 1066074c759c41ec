"""A student's spoofs beside its teacher's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.train.recipes.student import StudentRecipe
from tests.students import generated, student_config, write_teacher
from tests.told import told


@pytest.fixture(scope="module")
def root(tmp_path_factory: Any, in_process: None) -> Path:
    folder: Path = tmp_path_factory.mktemp("student")
    write_teacher(folder)
    generated(folder, "taught")
    return folder


def test_both_calls_are_compared_with_the_teacher(root: Path) -> None:
    found = StudentRecipe(told(student_config(root))).evaluate()
    assert set(found.figures) == {"psnr", "least_psnr", "two_calls_psnr", "two_calls_least_psnr"}
    assert found.score == found.figures["psnr"] >= found.figures["least_psnr"]
    assert found.images["samples"].shape == (2 * 64, 5 * 64, 3)  # live, guide, teacher, one call, two
