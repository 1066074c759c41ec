from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.index_scale import index_rows, write
from factory.corpus import Corpus
from factory.corpus.row import INDEX_SCHEMA
from tests.root import ROOT


@pytest.mark.parametrize("generated", [False, True])
def test_the_rows_are_those_of_a_corpus(tmp_path: Path, generated: bool) -> None:
    write(tmp_path, 1500, generated)
    corpus = Corpus(str(tmp_path))
    assert len(corpus) == 1500 and corpus.index.schema.names == INDEX_SCHEMA.names
    assert len(set(corpus.column("key"))) == 1500
    assert np.array_equal(corpus.column("label") == 0, corpus.column("attack") == "live")
    assert (corpus.index["live_key"].null_count == 0) == generated
    assert index_rows(1000, 500, generated)["key"].to_pylist() == corpus.column("key")[1000:].tolist()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_the_table() -> None:
    command = [sys.executable, "-m", "benchmarks.index_scale", "2000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines[2:]] == [["2,000", "prepared"], ["2,000", "generated"]]
    assert all(len(line) == len(lines[0]) and float(line[8].replace(",", "")) > 50 for line in lines[2:])
