from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory.world.attacks.inks import Printer

RAMP = np.repeat(np.linspace(0, 1, 64, dtype=np.float32)[:, None, None], 64, 1) * np.ones(3, np.float32)


def printers() -> list[Printer]:
    return [Printer.drawn(np.random.default_rng(seed)) for seed in range(12)]


@pytest.mark.parametrize("printer", printers(), ids=lambda printer: printer.screening)
def test_every_colour_lies_between_black_and_the_bare_paper(printer: Printer) -> None:
    generator = np.random.default_rng(0)
    picture = generator.random((64, 48, 3), np.float32)
    out = printer.printed(picture, 0.3e-3, generator)
    assert out.shape == picture.shape
    assert out.min() >= printer.black - 1e-6
    assert (out <= np.array(printer.paper, np.float32) + 1e-6).all()


def test_white_is_the_bare_paper_and_lighter_stays_lighter() -> None:
    for printer in printers():
        out = printer.printed(RAMP, 0.3e-3, np.random.default_rng(0))
        assert np.allclose(out[-1], printer.paper, atol=1e-5)
        tones = out.mean(axis=(1, 2)).reshape(8, 8).mean(axis=1)
        assert (np.diff(tones) > 0).all()


def test_ink_is_less_saturated_than_light() -> None:
    printer = replace(printers()[0], screening="continuous", bands=0.0)
    for channel in range(3):
        pure = np.zeros((4, 4, 3), np.float32)
        pure[..., channel] = 1
        out = printer.printed(pure, 0.3e-3, np.random.default_rng(0))[0, 0]
        assert out.argmax() == channel
        assert out[channel] < 0.75


def test_a_screen_has_the_pitch_and_few_tones() -> None:
    printer = replace(printers()[0], screening="halftone", pitch=1e-3, bands=0.0, replacement=1.0, gain=0.0)
    grey = np.full((128, 128, 3), 0.4, np.float32)
    out = printer.printed(grey, 0.1e-3, np.random.default_rng(0)).mean(axis=2)
    assert out.std() > 0.1
    power = np.abs(np.fft.rfft2(out - out.mean()))
    row, column = np.unravel_index(power.argmax(), power.shape)
    frequency = np.hypot(min(row, 128 - row), column) / (128 * 0.1e-3)
    assert frequency == pytest.approx(1000, rel=0.1)


def test_screening_keeps_the_tone() -> None:
    picture = np.full((120, 120, 3), (0.45, 0.3, 0.22), np.float32)
    for pitch in (0.4e-3, 1e-3):
        screened = replace(printers()[0], screening="halftone", pitch=pitch, bands=0.0, gain=0.0)
        whole = replace(screened, screening="continuous")
        dots, plain = (
            p.printed(picture, 0.13e-3, np.random.default_rng(0)).mean(axis=(0, 1)) for p in (screened, whole)
        )
        assert np.allclose(dots, plain, atol=0.06)


def test_a_driver_meets_colours_within_its_gamut() -> None:
    printer = replace(printers()[0], screening="continuous", bands=0.0, gain=0.0, gamma=(1.0, 1.0, 1.0), black=0.0)
    skin = np.array([0.45, 0.3, 0.22], np.float32)
    out = printer.printed(np.broadcast_to(skin, (4, 4, 3)), 0.3e-3, np.random.default_rng(0))[0, 0]
    assert np.allclose(out, skin * printer.paper, atol=0.05)


def test_a_screen_finer_than_the_texels_is_even_and_makes_no_bands() -> None:
    grey = np.full((64, 64, 3), 0.4, np.float32)
    for pitch, seen in ((0.3e-3, False), (1.2e-3, True)):
        printer = replace(printers()[0], screening="halftone", pitch=pitch, bands=0.0)
        assert (printer.printed(grey, 0.31e-3, np.random.default_rng(0)).std() > 0.02) == seen


def test_scattered_dots_gather_to_no_grain() -> None:
    grey = np.full((96, 96, 3), 0.4, np.float32)
    printer = replace(printers()[0], screening="dither", pitch=0.1e-3, bands=0.0)
    out = printer.printed(grey, 0.3e-3, np.random.default_rng(0)).mean(axis=2)
    blocks = out.reshape(16, 6, 16, 6).mean(axis=(1, 3))
    assert blocks.std() < 0.5 * out.std() / 6
