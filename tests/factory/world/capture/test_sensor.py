"""Exposure, motion, noise and the mosaic."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.capture import sensor
from factory.world.capture.cameras import CCTV, PHONE, WEBCAM
from factory.world.scene import Floats


def smooth(side: int) -> Floats:
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j].astype(np.float32)
    return np.stack([0.3 + 0.2 * np.sin(3 * x), 0.4 + 0.2 * np.cos(2 * y), 0.3 + 0.1 * x * y], axis=2)


@pytest.mark.parametrize("edge_aware", [True, False])
@pytest.mark.parametrize("shape", [(16, 16), (17, 23)])
def test_demosaicing_keeps_a_constant_colour(edge_aware: bool, shape: tuple[int, int]) -> None:
    image = np.broadcast_to(np.array([0.2, 0.5, 0.7], np.float32), (*shape, 3))
    assert np.allclose(sensor.demosaiced(sensor.mosaic(image), edge_aware), image, atol=1e-6)


@pytest.mark.parametrize("edge_aware", [True, False])
def test_demosaicing_recovers_smooth_pictures(edge_aware: bool) -> None:
    image = smooth(48)
    assert np.abs(sensor.demosaiced(sensor.mosaic(image), edge_aware) - image)[2:-2, 2:-2].max() < 0.01


def test_along_edges_there_are_fewer_false_colours() -> None:
    grey = np.zeros((32, 32, 3), np.float32)
    grey[:, 15:] = 0.8
    false = [np.ptp(sensor.demosaiced(sensor.mosaic(grey), aware), axis=2).mean() for aware in (True, False)]
    assert false[0] < 0.7 * false[1]


def test_noise_grows_with_gain_and_falls_with_binning() -> None:
    flat = np.full((64, 64, 3), 0.3, np.float32)

    def noise(gain: float, pixels: float) -> float:
        return float(sensor.exposed(WEBCAM, flat, gain, pixels, np.random.default_rng(0)).std())

    assert noise(1, 1) < noise(4, 1) < noise(16, 1)
    assert noise(4, 4) < noise(4, 1)
    assert noise(1, 1) == pytest.approx((0.3 / WEBCAM.full_well) ** 0.5, rel=0.2)  # almost all of it is the light's


def test_motion_blurs_along_its_way_and_keeps_the_light() -> None:
    image = np.zeros((21, 21, 3), np.float32)
    image[10, 10] = 1
    blur = sensor.moved(image, 5.0, 0.0)
    assert blur.sum() == pytest.approx(3, rel=1e-4)
    assert blur[10, 8:13].min() > 0.1
    assert blur[:10].max() == 0
    assert sensor.moved(image, 0.1, 0.1) is image


def test_little_light_means_a_long_exposure_and_then_gain() -> None:
    grey = np.full((32, 32, 3), 0.5, np.float32)
    exposures = [sensor.metered(CCTV, grey * light, np.random.default_rng(0)) for light in (1000.0, 1.0, 0.01)]
    assert exposures[0].seconds < exposures[1].seconds <= exposures[2].seconds == CCTV.slowest
    assert exposures[0].gain == 1 < exposures[2].gain
    assert np.allclose(
        [exposure.scale * light for exposure, light in zip(exposures, (1000, 1, 0.01), strict=True)],
        exposures[1].scale,
    )


def test_metering_by_the_face_lifts_it_before_a_bright_wall() -> None:
    image = np.full((32, 32, 3), 2.0, np.float32)
    image[8:24, 10:22] = 0.3
    scales = [sensor.metered(camera, image, np.random.default_rng(0)).scale for camera in (PHONE, CCTV)]
    assert scales[0] > scales[1]
