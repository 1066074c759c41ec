"""Portraits: the same for the same seeds, one person over all captures, features where they are said to be."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.drawn.portrait import Capture, Subject, landmarks, render

FRONTAL = Capture(seed=1)
seeds = st.integers(0, 2**63 - 1)


def inner_face(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """8,8,3 thumbnail of the middle, less its mean: what a light or a camera leaves of a person."""
    side = picture.shape[0]
    middle = picture[side // 4 : 3 * side // 4, side // 4 : 3 * side // 4].astype(np.float64)
    cell = middle.shape[0] // 8
    return np.asarray(middle.reshape(8, cell, 8, cell, 3).mean((1, 3)))


@settings(max_examples=15, deadline=None)
@given(seeds, seeds)
def test_same_seeds_same_bytes(person: int, moment: int) -> None:
    first = render(Subject.from_seed(person), Capture.from_seed(moment), 32)
    np.random.default_rng().random()
    assert first.tobytes() == render(Subject.from_seed(person), Capture.from_seed(moment), 32).tobytes()


def test_size_and_seed_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"portrait size 15 is outside 16\.\.1024"):
        render(Subject.from_seed(0), FRONTAL, 15)
    with pytest.raises(ValueError, match="subject seed -1"):
        Subject.from_seed(-1)
    with pytest.raises(ValueError, match="capture seed -1"):
        Capture.from_seed(-1)


def test_leaves_the_global_generators_alone() -> None:
    before, plain = np.random.get_state(), random.getstate()  # noqa: NPY002
    render(Subject.from_seed(5), Capture.from_seed(5), 32)
    after = np.random.get_state()  # noqa: NPY002
    np.testing.assert_equal(after, before)
    assert plain == random.getstate()


def test_identity_persists_over_captures() -> None:
    people, moments = 16, 3
    faces = np.array(
        [
            [
                inner_face(render(Subject.from_seed(p), Capture.from_seed(100 * p + m), 64)).ravel()
                for m in range(moments)
            ]
            for p in range(people)
        ]
    )
    faces -= faces.mean(-1, keepdims=True)
    flat = faces.reshape(people * moments, -1)
    distance = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    owner = np.arange(people * moments) // moments
    same = (owner[:, None] == owner[None]) & ~np.eye(len(owner), dtype=bool)
    others = owner[:, None] != owner[None]
    assert distance[same].mean() < 0.85 * distance[others].mean()
    nearest = np.where(np.eye(len(owner), dtype=bool), np.inf, distance).argmin(1)
    assert (owner[nearest] == owner).mean() > 0.25  # chance is 2 / 47; light and pose blur a mere thumbnail


def changed(subject: Subject, one: Capture, other: Capture, half: slice) -> tuple[float, float]:
    """Centre (x, y) of what differs between two captures within some columns, as fractions of the side."""
    weight = np.abs(render(subject, one, 128).astype(float) - render(subject, other, 128)).sum(-1)
    weight = np.where(weight > 40, weight, 0)[:, half]
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]] + 0.5
    return float((x * weight).sum() / weight.sum()) + (half.start or 0), float((y * weight).sum() / weight.sum())


@pytest.mark.parametrize("yaw", [-12, 0, 12])
@pytest.mark.parametrize("roll", [-8, 6])
def test_landmarks_are_where_the_eyes_close_and_the_mouth_opens(yaw: float, roll: float) -> None:
    subject = replace(Subject.from_seed(4), beard=0.0, moustache=0.0, lipstick=0.0, cut="short", skin=0.3, strong=0.5)
    capture = replace(FRONTAL, yaw=yaw, roll=roll, pitch=4.0, shift=(0.03, -0.02))
    points = landmarks(subject, capture, 128)
    assert points.shape == (5, 2)
    middle = int(points[2, 0])
    asleep = replace(capture, blink=0.9)
    for eye, half in ((0, slice(0, middle)), (1, slice(middle, 128))):
        assert np.hypot(*(np.array(changed(subject, capture, asleep, half)) - points[eye])) < 4
    speaking = replace(capture, mouth_open=1.0)
    assert np.hypot(*(np.array(changed(subject, capture, speaking, slice(0, 128))) - points[3:].mean(0))) < 9
