"""Cameras as wholes: what they do to a picture, and that their quality has the designed order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory.world.capture.cameras import CAMERAS, CCTV, TABLET, WEBCAM, Device
from factory.world.capture.filters import blurred, luminance
from factory.world.capture.record import record
from factory.world.scene import Floats

EVERY = pytest.mark.parametrize("camera", list(CAMERAS.values()), ids=lambda camera: camera.name)


def face(side: int, light: float = 1.0, colour: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Floats:
    """A bright disc with dark eyes before a darker wall with fine stripes."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    grey = np.where(x**2 + y**2 < 0.4, 0.4, 0.15 + 0.08 * np.sin(40 * x)).astype(np.float32)
    grey[(np.abs(x) - 0.25) ** 2 + (y + 0.1) ** 2 < 0.01] = 0.05
    return np.asarray(grey[..., None] * np.array(colour) * light, np.float32)


def recorded(camera: Device, radiance: Floats, seed: int = 0) -> Floats:
    return np.asarray(record(camera, radiance, np.random.default_rng(seed)) / 255, np.float32)


@EVERY
@pytest.mark.parametrize("shape", [(64, 64), (40, 57), (128, 128)])
def test_a_picture_keeps_its_size_and_equal_generators_give_equal_bytes(
    camera: Device, shape: tuple[int, int]
) -> None:
    radiance = np.random.default_rng(1).uniform(0, 2, (*shape, 3)).astype(np.float32)
    first, second = (record(camera, radiance, np.random.default_rng(7)) for _ in range(2))
    assert first.dtype == np.uint8 and first.shape == (*shape, 3)
    assert np.array_equal(first, second)


@EVERY
@pytest.mark.parametrize("light", [0.1, 1.0, 30.0])
def test_a_face_is_neither_dark_nor_burnt_out_in_any_light(camera: Device, light: float) -> None:
    for seed in range(4):
        middle = recorded(camera, face(64, light), seed)[24:40, 24:40]
        assert 0.2 < middle.mean() < 0.9
        assert (middle.min(axis=2) > 0.98).mean() < 0.2


@EVERY
def test_white_balance_takes_most_of_a_lamps_colour_away(camera: Device) -> None:
    steady = replace(camera, balance_error=0.0)
    warm, none = (
        recorded(replace(steady, balance=share), face(64, 3.0, (1.8, 1.0, 0.4))) for share in (camera.balance, 0.0)
    )
    cast, uncorrected = (picture[..., 0].mean() / picture[..., 2].mean() for picture in (warm, none))
    assert cast < 0.85 * uncorrected


@pytest.mark.parametrize("camera", [TABLET, WEBCAM, CCTV], ids=lambda camera: camera.name)
def test_dim_light_is_noisier(camera: Device) -> None:
    plain = replace(camera, denoise=0.0, codec="jpeg", quality=(95, 95))
    flat = np.ones((64, 64, 3), np.float32)
    noise = [recorded(plain, flat * light).std(axis=(0, 1)).mean() for light in (np.float32(20), np.float32(0.1))]
    assert noise[1] > 1.5 * noise[0]


def test_a_better_camera_is_closer_to_what_was_there() -> None:
    """Detail that a camera invents or loses, against an ideal picture of the same mean."""
    truth = face(128) ** (1 / 2.2)
    truth -= blurred(truth, 3)
    errors = []
    for camera in CAMERAS.values():
        found = np.stack([recorded(camera, face(128), seed) for seed in range(6)])
        detail = np.stack([luminance(picture - blurred(picture, 3)) for picture in found])
        scale = (detail * luminance(truth)).sum() / (luminance(truth) ** 2).sum() / len(found)
        errors.append(float(np.abs(detail / scale - luminance(truth)).mean()))
    assert errors == sorted(errors)
