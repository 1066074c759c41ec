"""What the benchmark plants is what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import near_duplicates
from factory.audit.semantic.tables import VECTORS, read_vectors
from factory.storage import Storage


def test_planted_pairs_have_their_cosines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "PER_TABLE", 300)
    out = Storage(str(tmp_path))
    near_duplicates.plant(out, 1000, 64)
    names = [name.removesuffix(".parquet") for name in out.names(VECTORS)]
    stored = np.concatenate([read_vectors(out, name) for name in names]) / 4000
    place, centre, source, cosine = near_duplicates.plan(1000)
    vectors = stored[place]
    copies = np.flatnonzero(source >= 0)
    assert len(copies) == 20
    found = (vectors[copies] * vectors[source[copies]]).sum(1)
    assert found == pytest.approx(cosine[copies], abs=2e-3)
    others = vectors @ vectors.T
    others[copies, source[copies]] = others[source[copies], copies] = 0
    np.fill_diagonal(others, 0)
    assert others.max() < 0.95 and (centre[copies] == centre[source[copies]]).all()


def test_near_is_within_two_bits_or_a_cosine() -> None:
    hashes = np.array([0b0, 0b11, 0b111], np.uint64)
    assert near_duplicates.alike(hashes, hashes[:1])[:, 0].tolist() == [True, True, False]
    vectors = np.array([[1.0, 0.0], [3.0, 0.9], [0.0, 2.0], [0.0, 0.0]])
    assert near_duplicates.alike(vectors, vectors[:1])[:, 0].tolist() == [True, True, False, False]


@pytest.mark.parametrize("edit", near_duplicates.EDITS.values(), ids=near_duplicates.EDITS)
def test_edits_keep_the_size(edit: object) -> None:
    from PIL import Image

    face = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    assert edit(face).size == (64, 64)  # type: ignore[operator]
