"""Cameras and attacks: aligned with the live face, told apart by simple statistics, the same for the same seed."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.drawn.portrait import Capture, Subject, landmarks, render
from factory.simulate.attacks import _MASKS, ATTACKS, CAMERAS, CENTRED, record

Pixels = npt.NDArray[np.uint8]
SIDE, PEOPLE = 64, 12


@cache
def live(number: int) -> Pixels:
    return render(Subject.from_seed(number), Capture.from_seed(number), SIDE)


@cache
def points(number: int) -> npt.NDArray[np.float32]:
    return landmarks(Subject.from_seed(number), Capture.from_seed(number), SIDE)


@cache
def spoof(attack: str, number: int) -> Pixels:
    return ATTACKS[attack](live(number), number, points(number))


def detail(picture: Pixels) -> float:
    """Mean size of the second difference along the rows: energy at the highest frequencies."""
    grey = picture.astype(float).mean(-1)
    return float(np.abs(grey[:, 2:] - 2 * grey[:, 1:-1] + grey[:, :-2]).mean())


def layout(picture: Pixels) -> npt.NDArray[np.float64]:
    """16,16 luminance of zero mean and unit norm."""
    grey = picture.astype(float).mean(-1).reshape(16, SIDE // 16, 16, SIDE // 16).mean((1, 3))
    grey -= grey.mean()
    return np.asarray(grey / np.linalg.norm(grey))


def around(picture: Pixels, at: npt.NDArray[np.float32], reach: int) -> npt.NDArray[np.float64]:
    x, y = (round(float(c)) for c in at)
    return picture[y - reach : y + reach, x - reach : x + reach].astype(float)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("side", [16, 50, 64, 97, 200, 260])
def test_attack_keeps_shape_and_type(attack: str, side: int) -> None:
    face = render(Subject.from_seed(1), Capture.from_seed(1), side)
    before = face.copy()
    result = ATTACKS[attack](face, 5, None)
    assert result.shape == (side, side, 3)
    assert result.dtype == np.uint8
    assert np.array_equal(face, before)
    assert np.abs(result.astype(int) - face).mean() > 1


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(sorted(ATTACKS)), st.sampled_from(sorted(CAMERAS)), st.integers(0, 2**63 - 1))
def test_same_seed_same_bytes_another_seed_other_bytes(attack: str, camera: str, seed: int) -> None:
    def taken(number: int) -> bytes:
        return record(ATTACKS[attack](live(0), number, points(0)), CAMERAS[camera], number).tobytes()

    assert taken(seed) == taken(seed)
    assert taken(seed) != taken(seed + 1)


def test_leaves_the_global_generators_alone() -> None:
    before, plain = np.random.get_state(), random.getstate()  # noqa: NPY002
    for attack in ATTACKS.values():
        record(attack(live(0), 3, None), CAMERAS["webcam"], 3)
    after = np.random.get_state()  # noqa: NPY002
    np.testing.assert_equal(after, before)
    assert plain == random.getstate()


@pytest.mark.parametrize("attack", ATTACKS)
def test_spoof_keeps_identity_and_layout(attack: str) -> None:
    lives = np.array([layout(live(i)).ravel() for i in range(PEOPLE)])
    spoofs = np.array([layout(spoof(attack, i)).ravel() for i in range(PEOPLE)])
    likeness = spoofs @ lives.T
    assert np.diag(likeness).mean() > 0.75
    assert (likeness.argmax(1) == np.arange(PEOPLE)).mean() >= 0.75


@pytest.mark.parametrize("attack", ["print", "replay"])
@pytest.mark.parametrize("camera", CAMERAS)
def test_a_plane_shows_its_raster_through_every_camera(attack: str, camera: str) -> None:
    raster = np.array(
        [
            detail(record(spoof(attack, i), CAMERAS[camera], i)) - detail(record(live(i), CAMERAS[camera], i))
            for i in range(PEOPLE)
        ]
    )
    assert raster.mean() / (raster.std(ddof=1) / np.sqrt(PEOPLE)) > 4  # t of the paired difference


def test_print_has_grey_blacks_and_replay_a_bluish_cast() -> None:
    inked, bare = (
        np.mean([np.percentile(p(i).mean(-1), 2) for i in range(PEOPLE)]) for p in (lambda i: spoof("print", i), live)
    )
    assert inked > bare + 3
    cast = {
        attack: np.mean(
            [spoof(attack, i)[..., 2].astype(float).mean() - spoof(attack, i)[..., 0].mean() for i in range(PEOPLE)]
        )
        for attack in ("print", "replay")
    }
    assert cast["replay"] > cast["print"] + 15


def test_mask_has_the_tint_of_its_material_and_leaves_the_eyes() -> None:
    for i in range(PEOPLE):
        cheek = (points(i)[0] + points(i)[3]) / 2
        colour = around(spoof("mask", i), cheek, 3).mean((0, 1))
        tints = np.array([(np.array(tint) / sum(tint)) for tint in _MASKS])
        assert np.abs(tints - colour / colour.sum()).max(1).min() < 0.015
        for eye in points(i)[:2]:
            assert np.abs(around(live(i), eye, 2) - around(spoof("mask", i), eye, 2)).mean() < 25
        assert np.abs(around(live(i), cheek, 3) - around(spoof("mask", i), cheek, 3)).mean() > 4


@pytest.mark.parametrize("attack", ["glasses", "makeup"])
def test_partial_attacks_leave_the_room(attack: str) -> None:
    for i in range(PEOPLE):
        change = np.abs(live(i).astype(float) - spoof(attack, i)).mean(-1)
        assert change[:8, :8].max() < 3
        x, y = points(i)[0]
        assert change[int(y) - 8 : int(y) + 8, int(x) - 8 : int(x) + 8].mean() > 5


def test_points_place_the_attack() -> None:
    face, moved = live(0), CENTRED * SIDE + np.array([0, 9], np.float32)
    for attack in ("mask", "glasses", "makeup"):
        usual, lower = (np.abs(ATTACKS[attack](face, 1, p).astype(float) - face).sum(-1) for p in (None, moved))
        rows = np.arange(SIDE)
        assert (lower.sum(1) @ rows) / lower.sum() > (usual.sum(1) @ rows) / usual.sum() + 4


def test_points_none_is_the_centred_crop() -> None:
    neutral = landmarks(Subject.from_seed(0), Capture(seed=0), 100) / 100
    assert np.abs(neutral - CENTRED).max() < 0.04


def test_cameras_differ_in_the_ways_they_say() -> None:
    shots = {name: np.array([record(live(i), camera, i) for i in range(PEOPLE)]) for name, camera in CAMERAS.items()}
    warmth = {name: float((shot[..., 0].astype(float) - shot[..., 2]).mean()) for name, shot in shots.items()}
    assert warmth["phone"] > warmth["dslr"] > warmth["webcam"]
    sharp = {name: np.mean([detail(shot) for shot in shots[name]]) for name in ("phone", "dslr")}
    assert sharp["phone"] > 1.2 * sharp["dslr"]
    corner = {name: float(shot[:, :6, :6].mean() / shot[:, 28:36, 4:10].mean()) for name, shot in shots.items()}
    assert corner["dslr"] < corner["phone"]


def test_a_picture_that_is_not_square_uint8_is_refused() -> None:
    for wrong in (np.zeros((8, 9, 3), np.uint8), np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32)):
        with pytest.raises(ValueError, match="give a square uint8 H,W,3 picture"):
            ATTACKS["print"](wrong, 0, None)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="give a square uint8 H,W,3 picture"):
            record(wrong, CAMERAS["phone"], 0)  # type: ignore[arg-type]
