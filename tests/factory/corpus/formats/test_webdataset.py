"""WebDataset shards: bytes that depend on the rows alone, and a reader that is not ours."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from benchmarks.corpora import row
from factory.corpus.formats import webdataset

ROWS = [row(i, brisque=i / 3, t0=100 + i, seed=2**62 + i, license="cc-by-4.0") for i in range(230)]


def test_tar_members_are_sorted_and_timeless() -> None:
    with tarfile.open(fileobj=io.BytesIO(webdataset.to_bytes(ROWS[:3]))) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(member.mtime, member.uid, member.gid, member.mode) for member in members} == {(0, 0, 0, 0o644)}


def test_webdataset_reads_samples(tmp_path: Path) -> None:
    wds = pytest.importorskip("webdataset")
    path = tmp_path / "a.tar"
    path.write_bytes(webdataset.to_bytes(ROWS[:5]))
    samples = list(wds.WebDataset(str(path), shardshuffle=False, empty_check=False))
    assert [sample["__key__"] for sample in samples] == [row.key for row in ROWS[:5]]
    assert json.loads(samples[1]["json"]) == ROWS[1].facts()
    assert samples[1]["png"] == ROWS[1].image
