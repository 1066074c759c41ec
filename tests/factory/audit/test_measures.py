"""The nearest training spoof, and hashes of structure."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from factory.audit.hashes import difference_hash
from factory.audit.measures import TrainingSpoofs
from tests.factory.audit.planted import person


def unit(rows: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(rows, 8)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_the_nearest_training_spoof_is_near_by_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.audit.measures._BLOCK", 7)  # several blocks
    rng = np.random.default_rng(0)
    hashes, features = rng.integers(0, 2**64, 40, dtype=np.uint64), unit(40, 1)
    training = TrainingSpoofs(pa.array([f"t{n}" for n in range(40)]), hashes, features)
    mine, own = rng.integers(0, 2**64, 9, dtype=np.uint64), unit(9, 2)
    mine[4], own[4] = hashes[31] ^ np.uint64(5), features[31]  # a copy, two bits beside
    place, bits, distance = training.nearest(mine, own)
    assert (place[4], bits[4]) == (31, 2) and distance[4] == pytest.approx(0, abs=1e-6)
    whole = np.array([[int(a ^ b).bit_count() / 64 for b in hashes] for a in mine]) + 1 - own @ features.T
    assert place.tolist() == whole.argmin(axis=1).tolist()


def test_of_equally_near_training_spoofs_it_is_the_first_key() -> None:
    hashes, features = np.zeros(3, np.uint64), np.repeat(unit(1, 0), 3, axis=0)
    training = TrainingSpoofs(pa.array(["a", "b", "c"]), hashes, features)
    assert training.nearest(hashes[:1], features[:1])[0].tolist() == [0]


def test_hashes_are_of_structure() -> None:
    first, second = difference_hash(np.stack([person(5, "live", 1), person(5, "replay", 2)]))
    assert int(first ^ second).bit_count() <= 4
