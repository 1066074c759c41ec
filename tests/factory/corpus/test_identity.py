"""Embeddings: who moved is seen, the light is not; an embedder that is not installed is one line."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory.corpus.identity import Structure, distances, load_embedder, mirror_distances, recognises_faces
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


def test_a_melted_photograph_is_farther_from_its_mirror_image(shared_data: Path) -> None:
    pytest.importorskip("dlib")
    ndimage = pytest.importorskip("scipy.ndimage")
    files = sorted((shared_data / "avatars").glob("*.png"))[:8]
    people = np.stack([resize(decode(path.read_bytes()), 64) for path in files])
    embed = load_embedder("dlib")
    melted = np.stack([_melted(face, number, ndimage) for number, face in enumerate(people)])
    whole, spoilt = (mirror_distances(embed, faces, embed(faces)) for faces in (people, melted))
    assert np.median(spoilt) > 1.5 * np.median(whole) and (spoilt > whole).sum() >= 7


def _melted(face: np.ndarray, seed: int, ndimage: Any) -> np.ndarray:
    """The face with its middle displaced smoothly by some four pixels, uint8 (64, 64, 3)."""
    y, x = np.mgrid[:64, :64].astype(np.float64)
    inside = np.exp(-((((x - 32) / 18) ** 2 + ((y - 36) / 20) ** 2) ** 2))
    shifts = [ndimage.gaussian_filter(np.random.default_rng([seed, axis]).normal(size=(64, 64)), 4) for axis in (0, 1)]
    down, across = (4 * inside * shift / shift.std() for shift in shifts)
    channels = [ndimage.map_coordinates(face[..., c].astype(float), [y + down, x + across], order=1) for c in range(3)]
    return np.stack(channels, axis=-1).round().clip(0, 255).astype(np.uint8)


def test_without_face_recognition_there_is_no_mirror_distance() -> None:
    faces = np.stack([person(1, "live"), person(2, "live")])
    assert not recognises_faces("structure") and recognises_faces("dlib")
    assert np.isnan(mirror_distances(Structure(), faces, Structure()(faces))).all()
