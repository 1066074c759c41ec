"""Cameras: where they stand, what they do to a picture, and that their quality has the designed order."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.capture.cameras import (
    CAMERAS,
    CCTV,
    FACE_HEIGHT,
    LIFE_HEIGHT,
    PHONE,
    TABLET,
    WEBCAM,
    Device,
    view,
)

EVERY = pytest.mark.parametrize("camera", list(CAMERAS.values()), ids=lambda camera: camera.name)
LANDMARKS = np.array(
    [[-0.029, 0, 0.03], [0.029, 0, 0.03], [0, -0.035, 0.043], [-0.025, -0.062, 0.025], [0.025, -0.062, 0.025]],
    np.float32,
)


@EVERY
def test_a_view_frames_the_face(camera: Device) -> None:
    for seed in range(20):
        seen = view(camera, np.random.default_rng(seed), LANDMARKS)
        away = np.linalg.norm(np.subtract(seen.position, seen.target))
        size = FACE_HEIGHT * np.linalg.norm(LANDMARKS[:2].mean(axis=0) - LANDMARKS[3:].mean(axis=0)) / LIFE_HEIGHT
        assert camera.distance[0] <= away / size <= camera.distance[1]
        assert seen.position[2] > 0.3
        side = 2 * away * np.tan(np.radians(seen.field_of_view / 2))
        assert 0.17 < side < 0.27  # a face of 16 cm
        assert np.linalg.norm(np.subtract(seen.target, (0, -0.025, 0))) < 0.05


@EVERY
def test_a_face_shown_smaller_is_seen_from_nearer_at_the_same_angle(camera: Device) -> None:
    for seed in range(5):
        life = view(camera, np.random.default_rng(seed), LANDMARKS)
        small = view(camera, np.random.default_rng(seed), np.float32(0.3) * LANDMARKS)
        assert small.field_of_view == pytest.approx(life.field_of_view, rel=1e-5)
        assert small.position == pytest.approx(0.3 * np.array(life.position), abs=1e-6)
        assert small.focus == pytest.approx(0.3 * (life.focus or 0), rel=1e-5)


def test_quality_is_designed_in_its_order() -> None:
    sides = [camera.side for camera in (PHONE, TABLET, WEBCAM, CCTV)]
    assert sides == sorted(sides, reverse=True)
    assert list(CAMERAS) == ["phone", "tablet", "webcam", "cctv"]
