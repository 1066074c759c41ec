"""Cameras: where they stand, what they do to a picture, and that their quality has the designed order."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.capture.cameras import CAMERAS, CCTV, PHONE, TABLET, WEBCAM, Device, view

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
        assert camera.distance[0] <= away <= camera.distance[1]
        assert seen.position[2] > 0.3
        side = 2 * away * np.tan(np.radians(seen.field_of_view / 2))
        assert 0.2 < side < 0.32  # a face of 16 cm
        assert np.linalg.norm(np.subtract(seen.target, (0, -0.025, 0))) < 0.05


def test_quality_is_designed_in_its_order() -> None:
    sides = [camera.side for camera in (PHONE, TABLET, WEBCAM, CCTV)]
    assert sides == sorted(sides, reverse=True)
    assert list(CAMERAS) == ["phone", "tablet", "webcam", "cctv"]
