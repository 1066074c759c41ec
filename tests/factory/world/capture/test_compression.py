"""JPEG and video frames."""

from __future__ import annotations

import numpy as np

from factory.world.capture import compression


def textured(side: int) -> compression.Picture:
    y, x = np.mgrid[0:side, 0:side]
    grey = 128 + 60 * np.sin(x / 5) * np.cos(y / 7) + np.random.default_rng(0).normal(0, 6, (side, side))
    return np.asarray(np.clip(np.stack([grey + 20, grey, grey - 20], axis=2), 0, 255), np.uint8)


def error(a: compression.Picture, b: compression.Picture) -> float:
    return float(np.abs(a.astype(float) - b).mean())


def test_coding_keeps_the_size_and_a_plain_colour() -> None:
    plain = np.full((37, 50, 3), (180, 130, 100), np.uint8)
    for coded in (compression.jpeg(plain, 90), compression.video(plain, 10, np.random.default_rng(0))):
        assert coded.shape == plain.shape
        assert error(coded, plain) < 6


def test_a_lower_rate_loses_more() -> None:
    image = textured(64)
    stills = [error(compression.jpeg(image, quality), image) for quality in (95, 70, 30)]
    frames = [error(compression.video(image, step, np.random.default_rng(0)), image) for step in (6, 14, 28)]
    assert stills == sorted(stills) and frames == sorted(frames)
