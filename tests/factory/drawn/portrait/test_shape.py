"""The pose of the head: where its landmarks are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory.drawn.portrait import Capture, Subject, landmarks, shape

FRONTAL = Capture(seed=1)


def test_yaw_moves_the_nose() -> None:
    subject = Subject.from_seed(2)
    left, right = (landmarks(subject, replace(FRONTAL, yaw=yaw), 128)[2, 0] for yaw in (-12.0, 12.0))
    assert right - left > 10


def test_a_frontal_face_stands_upright_in_the_middle() -> None:
    left, right, nose, *mouth = landmarks(Subject.from_seed(2), replace(FRONTAL, yaw=0.0, roll=0.0, shift=(0, 0)), 128)
    assert left[0] + right[0] == pytest.approx(128, abs=0.1) and left[1] == right[1] < nose[1] < mouth[0][1]
    assert nose[0] == pytest.approx(64, abs=0.1)


def test_landmarks_scale_with_the_picture() -> None:
    subject, capture = Subject.from_seed(7), Capture.from_seed(7)
    np.testing.assert_allclose(landmarks(subject, capture, 256), 2 * landmarks(subject, capture, 128), rtol=1e-5)


def test_the_outline_is_at_distance_one() -> None:
    subject = Subject.from_seed(2)
    for u, v in ((0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.5)):
        once, twice = (shape.radius(subject, np.array([k * u]), np.array([k * v])).item() for k in (1.0, 2.0))
        assert twice == pytest.approx(2 * once, rel=1e-5)  # a distance grows evenly from the centre
    chin = shape.radius(subject, np.array([0.0]), np.array([1.7 * (1 - 0.02 * subject.chin * 0.4)])).item()
    assert chin == pytest.approx(1.0, abs=0.05)
