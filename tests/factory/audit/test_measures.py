"""Embeddings, nearest training spoofs, z-scores, leaks and figures, without Ray."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpora import row, write_corpus
from factory.audit.hashes import difference_hash
from factory.audit.identity import Structure, distances, load_embedder
from factory.audit.measures import TrainingSpoofs
from factory.audit.summary import histogram, kolmogorov_smirnov, spread
from factory.audit.verdict import LEAKS, leaks, quality_z
from factory.images import decode, resize
from tests.factory.audit.planted import person


def test_structure_sees_who_moved_and_not_the_light() -> None:
    faces = np.stack([person(1, "live"), person(1, "print", 3), person(2, "live")])
    embedded = Structure()(faces)
    same, other = distances(embedded[[0, 0]], embedded[1:])
    assert same < 0.3 and other > 1.0
    assert distances(*Structure()(np.stack([faces[0], faces[0] // 2 + 20]))[:, None])[0] < 0.1
    assert np.isfinite(Structure()(np.zeros((1, 32, 32, 3), np.uint8))).all()


def test_dlib_tells_people_apart(shared_data: Path) -> None:
    pytest.importorskip("dlib")
    files = sorted((shared_data / "avatars").glob("*.png"))[:6]
    people = [resize(decode(path.read_bytes()), 64) for path in files]
    changed = [(image[:, ::-1] * 0.7).astype(np.uint8) for image in people]
    embed = load_embedder("dlib")
    first, second = embed(np.stack(people)), embed(np.stack(changed))
    assert first.shape == (6, 128) and len(embed.digest) == 64
    apart = np.linalg.norm(first[:, None] - second, axis=2)
    assert np.diag(apart).max() < 0.45 < 0.55 < apart[~np.eye(6, dtype=bool)].min()


def test_an_embedder_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "dlib" else found(name))
    with pytest.raises(ValueError, match=r"pip install 'difffas-factory\[identity\]'"):
        load_embedder("dlib")


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


def test_z_scores_refer_to_the_style_or_else_to_all_spoofs(tmp_path: Path) -> None:
    def guide(number: int, attack: str, brisque: float | None) -> Any:
        return row(number, attack=attack, label=1, brisque=brisque)

    scores = [("print", 10.0), ("print", 20.0), ("print", None), ("mask", 60.0)]
    guides = write_corpus(tmp_path / "guides", [guide(n, *each) for n, each in enumerate(scores)])
    spoofs = pa.table({"style": ["cam-print", "cam-mask", "cam-print"], "brisque": [25.0, 30.0, None]})
    z, references = quality_z(spoofs, guides)
    assert z[0] == pytest.approx(2.0)  # 15 ± 5
    assert z[1] == pytest.approx(0.0, abs=1e-12) and references["cam-mask"]["of"] == "spoof"  # mean of all is 30
    assert np.isnan(z[2]) and references["cam-print"] == {"of": "cam-print", "count": 2, "mean": 15.0, "std": 5.0}


def test_leaks_are_of_people_faces_and_near_faces(tmp_path: Path) -> None:
    real = [row(n, subject=f"s{n}", split=split) for n, split in enumerate(["train", "test", "test", "dev"])]
    corpus = write_corpus(tmp_path / "real", real)
    far = np.array([0, 2**20 - 1, 2**40 - 2**20, 2**60 - 2**40], np.uint64)
    by_key = dict(zip([f"row-{n:04d}" for n in range(4)], far, strict=True))
    hashes = np.array([by_key[key] for key in corpus.column("key")])

    def found(subject: str, live_key: str, live_hash: int, split: str, domain: str = "cam") -> str | None:
        columns = {"subject": subject, "live_key": live_key, "live_domain": domain, "split": split}
        table = pa.table({name: [value] for name, value in columns.items()})
        number = int(leaks(table, np.array([live_hash], np.uint64), [(corpus, hashes)], 2)[0])
        return None if number < 0 else LEAKS[number]

    assert found("s0", "row-0000", 0, "train") is None
    assert found("s0", "row-0000", 0, "test") == "subject"
    assert found("s0", "row-0000", 0, "test", domain="phone") == "live face"  # another person, the same image
    assert found("s9", "row-0009", 0b11, "test") == "near-duplicate of a live face"
    assert found("s9", "row-0009", 0b111, "test") is None
    assert found("s0", "row-0000", 0, "") is not None  # no split of its own, yet used by one


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=40), st.lists(st.floats(-50, 50), min_size=1, max_size=40))
def test_the_kolmogorov_smirnov_distance_is_that_of_scipy(first: list[float], second: list[float]) -> None:
    stats = pytest.importorskip("scipy.stats")
    found = kolmogorov_smirnov(np.array(first), np.array([*second, np.nan]))
    assert found == pytest.approx(stats.ks_2samp(first, second).statistic, abs=1e-12)


def test_figures_of_nothing_are_none() -> None:
    assert kolmogorov_smirnov(np.array([np.nan]), np.ones(3)) is None
    assert spread(np.array([np.nan]))["mean"] is None
    assert histogram({"a": np.empty(0)}) == {"edges": [], "counts": {"a": []}}
    counted = histogram({"a": np.arange(100.0), "b": np.full(7, 3.0)}, bins=10)
    assert [sum(counts) for counts in counted["counts"].values()] == [100, 7]


def test_hashes_are_of_structure() -> None:
    first, second = difference_hash(np.stack([person(5, "live", 1), person(5, "replay", 2)]))
    assert int(first ^ second).bit_count() <= 4
