from __future__ import annotations

import numpy as np

from factory.world.attacks.moire import Photosites, beats


def places(width: float, points: int) -> np.ndarray:  # type: ignore[type-arg]
    along = (np.arange(points) + 0.5) / points * width
    return np.stack(np.meshgrid(along, along[:8]), axis=-1)


def test_two_grids_beat_at_the_difference_of_their_frequencies() -> None:
    pixel, photosite = 0.25e-3, 0.2e-3
    out = beats(places(0.05, 4096), pixel, Photosites(photosite, 0.0, (0.0, 0.0), 0.3))
    power = np.abs(np.fft.rfft(out[0, :, 1] - out[0, :, 1].mean()))
    low = power[: int(0.05 / photosite / 2)]
    assert low.argmax() / 0.05 == np.round((1 / photosite - 1 / pixel) * 0.05) / 0.05


def test_a_display_finer_than_the_photosites_does_not_beat() -> None:
    coarse = beats(places(0.05, 512), 0.06e-3, Photosites(0.3e-3, 0.01, (0.0, 0.0), 0.4))
    beating = beats(places(0.05, 512), 0.25e-3, Photosites(0.2e-3, 0.01, (0.0, 0.0), 0.4))
    assert coarse.std() < 0.02 < beating.std()
    assert abs(beating.mean() - 1) < 0.03


def test_red_and_blue_beat_apart() -> None:
    out = beats(places(0.05, 1024), 0.25e-3, Photosites(0.11e-3, 0.02, (0.0, 0.0), 0.3))
    assert np.abs(out[..., 0] - out[..., 2]).mean() > 0.05
