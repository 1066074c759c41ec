"""A corpus and a style encoder to fit on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import small_rows, write_corpus
from tests.gloo import write_style_folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("fits")
    write_corpus(folder / "real", small_rows(subjects=4, splits=("train", "dev")))
    write_style_folder(folder / "style")
    return folder
