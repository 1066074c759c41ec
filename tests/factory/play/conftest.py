"""A playground with the shipped generator."""

from __future__ import annotations

import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.core.config import build
from factory.play.playground import PlayConfig, Playground


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Playground:
    folder = tmp_path_factory.mktemp("play") / "guides"
    write_corpus(folder, small_rows())
    return Playground(build(PlayConfig, {"guides": str(folder), "threads": 1}))
