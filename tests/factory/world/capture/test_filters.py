"""Blur, resizing and luminance."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.capture.filters import blurred, luminance, resized


@pytest.mark.parametrize("sigma", [0.6, 2.0])
def test_a_blur_spreads_by_its_sigma_and_keeps_the_light(sigma: float) -> None:
    image = np.zeros((41, 41, 1), np.float32)
    image[20, 20] = 1
    soft = blurred(image, sigma)[..., 0]
    assert soft.sum() == pytest.approx(1, abs=1e-4)
    assert (soft.sum(axis=0) * (np.arange(41) - 20) ** 2).sum() ** 0.5 == pytest.approx(sigma, rel=0.1)
    assert np.allclose(soft, soft.T) and np.allclose(soft, soft[::-1])


def test_a_blur_leaves_a_constant_up_to_its_border_and_is_none_when_tiny() -> None:
    image = np.full((7, 9, 3), 0.4, np.float32)
    assert np.allclose(blurred(image, 3.0), 0.4, atol=1e-5)
    assert blurred(image, 0.05) is image


def test_resizing_keeps_means_and_ranges() -> None:
    image = np.random.default_rng(0).uniform(0.2, 0.9, (32, 48, 3)).astype(np.float32)
    for height, width in ((16, 24), (50, 70)):
        other = resized(image, height, width)
        assert other.shape == (height, width, 3) and other.dtype == np.float32
        assert image.min() <= other.min() and other.max() <= image.max()
        assert np.allclose(other.mean(axis=(0, 1)), image.mean(axis=(0, 1)), atol=0.01)
    assert resized(image, 32, 48) is image


def test_luminance_of_white_is_one_and_green_is_brightest() -> None:
    primaries = luminance(np.eye(3, dtype=np.float32)[None])[0]
    assert primaries.sum() == pytest.approx(1) and primaries.argmax() == 1 and primaries.argmin() == 2
