"""What is stored, not what was meant: no container tells the generated spoofs from the live faces beside them."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from factory.corpus import Corpus
from factory.corpus.provenance import read_source_type
from tests.container import features, skeleton


def test_live_and_spoof_files_have_one_skeleton(written: Path) -> None:
    """Equal bytes but for the pixels and the value of the mark: nothing is left for a classifier to learn from."""
    lives: list[Any] = []
    spoofs: list[Any] = []
    for path in sorted((written / "spoofs" / "data").glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".png"):
                    content = tar.extractfile(member)
                    assert content is not None
                    (lives if member.name.endswith(".live.png") else spoofs).append(content.read())
                    assert (member.mtime, member.mode, member.uid, member.uname) == (0, 0o644, 0, "")
    assert len(lives) == len(spoofs) == 40
    assert len({skeleton(data) for data in lives + spoofs}) == 1
    assert not np.ptp(features(lives + spoofs), axis=0).any()
    assert {read_source_type(data) for data in lives} == {"digitalCapture"}
    assert {read_source_type(data) for data in spoofs} == {"algorithmicallyEnhanced"}
    real = Corpus(str(written / "real"))
    assert {skeleton(row.image) for row in real.rows(range(len(real)))} == {skeleton(lives[0])}
