"""White balance, colour matrix, noise reduction, sharpening, tone curve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory.world.capture import processing
from factory.world.capture.cameras import CAMERAS, PHONE, Device


def test_white_balance_of_the_expected_mean_changes_nothing() -> None:
    camera = replace(PHONE, balance_error=0.0, crosstalk=0.0)
    image = np.asarray(np.full((8, 8, 3), processing.FACE_COLOUR) / 2, np.float32)
    assert np.allclose(processing.white_balance(camera, image, np.random.default_rng(0)), 1, atol=1e-5)


def test_a_full_white_balance_takes_a_warm_light_away() -> None:
    camera = replace(PHONE, balance=1.0, balance_error=0.0, crosstalk=0.0)
    lamp = np.array([1.5, 1.0, 1 / 1.5], np.float32)
    image = np.asarray(np.full((8, 8, 3), processing.FACE_COLOUR) / 4 * lamp, np.float32)
    gains = processing.white_balance(camera, image, np.random.default_rng(0))
    assert gains.min() == 1
    left = gains * lamp
    assert np.allclose(left / left[1], 1, atol=0.02)


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=lambda camera: camera.name)
def test_the_colour_matrix_keeps_grey_up_to_the_tint(camera: Device) -> None:
    grey = processing.colour_matrix(camera) @ processing.crosstalk(camera.crosstalk) @ np.ones(3)
    assert np.allclose(grey, camera.tint, atol=1e-5)


def test_the_tone_curve_rises_from_black_to_white() -> None:
    ramp = np.linspace(-0.2, 1.4, 400, dtype=np.float32)
    for contrast in (0.0, 0.5):
        toned = processing.toned(ramp, contrast)
        assert toned.min() == 0 and 0.9 < toned.max() <= 1
        assert (np.diff(toned) >= 0).all()


def test_noise_reduction_takes_noise_and_leaves_edges() -> None:
    clean = np.zeros((48, 48, 3), np.float32)
    clean[:, 24:] = 0.6
    noisy = clean + 0.03 * np.random.default_rng(0).standard_normal(clean.shape).astype(np.float32)
    smooth = processing.smoothed(noisy, 0.03)
    assert np.abs(smooth - clean).mean() < 0.6 * np.abs(noisy - clean).mean()
    assert smooth[:, 27].mean() - smooth[:, 20].mean() > 0.55
    assert processing.smoothed(noisy, 0.0) is noisy


def test_sharpening_makes_bounded_halos() -> None:
    image = np.full((16, 16, 3), 0.2, np.float32)
    image[:, 8:] = 0.8
    sharp = processing.sharpened(image, 1.0, 1.0)
    assert sharp[8, 7].mean() < 0.2 < 0.8 < sharp[8, 8].mean()
    assert np.abs(sharp - image).max() <= 0.12 + 1e-6
