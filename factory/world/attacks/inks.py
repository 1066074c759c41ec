"""Printers: pictures as ink on paper, with the few colours that ink has and the dots that it is laid in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from factory.world.capture.filters import blurred
from factory.world.scene import Floats

ANGLES = (15.0, 75.0, 0.0, 45.0)  # degrees of the screens of cyan, magenta, yellow and black
INKS = np.array(  # what a full layer lets through: every ink also darkens the colours that it should not
    [[0.06, 0.40, 0.66], [0.62, 0.07, 0.24], [0.88, 0.74, 0.07], [0.05, 0.05, 0.05]], np.float32
)


@dataclass(frozen=True)
class Printer:
    """A printer with its paper.

    Args:
        screening: "halftone" (dots on a grid: laser), "dither" (scattered dots: inkjet) or "continuous" (photo lab).
        pitch: Metres between dots.
        paper: Reflectance of the bare paper.
        black: The darkest reflectance that is printed.
        gain: By how much half-tones come out too heavy, 0 to 0.3.
        replacement: How much of the grey is printed with black ink, 0 to 1.
        gamma: Of its tone curve, per channel: a colour cast where they differ.
        bands: Strength of the stripes of a head that is worn, 0 to 1.
    """

    screening: str
    pitch: float
    paper: tuple[float, float, float]
    black: float
    gain: float
    replacement: float
    gamma: tuple[float, float, float]
    bands: float

    @classmethod
    def drawn(cls, generator: np.random.Generator) -> Printer:
        """Any printer of an office or a home."""
        screening = str(generator.choice(["halftone", "dither", "continuous"], p=[0.4, 0.4, 0.2]))
        home = screening != "continuous"
        tint = generator.uniform(-0.02, 0.03)
        white = generator.uniform(0.78, 0.88)
        gamma = generator.uniform(0.85, 1.15) * (1 + generator.normal(0, 0.06 if home else 0.03, 3).clip(-0.2, 0.2))
        return cls(
            screening=screening,
            pitch=float(generator.uniform(0.22e-3, 0.5e-3) if screening == "halftone" else 0.1e-3),
            paper=(float(white), float(white), float(white - tint)),
            black=float(generator.uniform(0.03, 0.07) if home else generator.uniform(0.012, 0.03)),
            gain=float(generator.uniform(0.02, 0.12) if home else 0.0),
            replacement=float(generator.uniform(0.3, 0.8)),
            gamma=(float(gamma[0]), float(gamma[1]), float(gamma[2])),
            bands=float(generator.uniform(0, 1) ** 2 if home else 0.0),
        )

    def printed(self, picture: Floats, texel: float, generator: np.random.Generator) -> Floats:
        """H, W, 3: reflectance between black and paper, of a picture (H, W, 3; linear, 0 to 1) with `texel` metres
        a pixel, over which dots are averaged: what is finer than pixels leaves its tone alone."""
        ink = self._covered(np.clip(picture, 0, 1) ** np.array(self.gamma, np.float32))
        ink = ink * self._stripes(len(picture), texel, generator)[:, None, None]
        ink = self._screened(ink, texel, generator)
        paper = np.array(self.paper, np.float32)
        return np.asarray(self.black + (paper - self.black) * _through(ink), np.float32)

    def _covered(self, picture: Floats) -> Floats:
        """H, W, 4: shares of the paper under cyan, magenta, yellow and black, as the driver's profile decides."""
        asked = picture
        for _ in range(3):
            ink = self._separated(asked)
            asked = np.clip(asked * (picture + 0.02) / (_through(ink) + 0.02), 0, 1)
        return np.asarray(np.clip(ink + 4 * self.gain * ink * (1 - ink), 0, 1), np.float32)

    def _separated(self, picture: Floats) -> Floats:
        wanted = np.clip((1 - picture) / (1 - INKS[[0, 1, 2], [0, 1, 2]]), 0, 1)
        grey = self.replacement * wanted.min(axis=2, keepdims=True) ** 2
        return np.asarray(np.concatenate([(wanted - grey) / (1 - 0.9 * grey), grey], axis=2), np.float32)

    def _screened(self, ink: Floats, texel: float, generator: np.random.Generator) -> Floats:
        if self.screening == "continuous":
            return ink
        height, width = ink.shape[:2]
        if self.screening == "dither":  # a texel holds (texel / pitch)² dots
            grain = _even(generator.standard_normal(ink.shape, np.float32)) * min(1.0, self.pitch / texel)
            return np.asarray(np.clip(ink + grain * np.sqrt(ink * (1 - ink)), 0, 1), np.float32)
        y, x = np.mgrid[:height, :width].astype(np.float32) * np.float32(2 * np.pi * texel / self.pitch)
        dots = np.empty_like(ink)
        seen = np.float32(np.sinc(min(1.0, texel / self.pitch)) ** 2)  # of a dot's contrast
        edge = np.float32(min(1.0, 0.6 * texel / self.pitch))  # a texel averages over the edge of a dot
        for number, angle in enumerate(np.radians(ANGLES, dtype=np.float32)):
            across, up = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
            threshold = 0.5 + 0.25 * (np.cos(across) + np.cos(up))
            level = np.interp(ink[..., number], *_levels()).astype(np.float32)
            dots[..., number] = np.clip(((1 + edge) * level - threshold) / edge, 0, 1)
        return np.asarray(ink + seen * (dots - ink), np.float32)

    def _stripes(self, height: int, texel: float, generator: np.random.Generator) -> Floats:
        """height: how much ink each row gets."""
        rows = max(2, int(height * texel / generator.uniform(1.5e-3, 6e-3)))
        at = np.linspace(0, 1, height)
        fine, coarse = (
            np.abs(np.interp(at, np.linspace(0, 1, count), generator.standard_normal(count)))
            for count in (rows, max(2, rows // 6))
        )
        return np.asarray(np.clip(1 - self.bands * (0.10 * fine + 0.05 * coarse), 0, 1), np.float32)


def _even(grain: Floats) -> Floats:
    """White noise (H, W, 4) without its coarse part: drivers scatter dots evenly, so that none gather to a grain."""
    return grain - blurred(grain, 1.0)


@cache
def _levels() -> tuple[Floats, Floats]:
    """Shares of the paper, and the level below which a screen's thresholds make up that share."""
    wave = np.cos(np.linspace(0, 2 * np.pi, 64, endpoint=False, dtype=np.float32))
    thresholds = np.sort((0.5 + 0.25 * (wave[:, None] + wave)).ravel()).astype(np.float32)
    return np.linspace(0, 1, len(thresholds), dtype=np.float32), thresholds


def _through(ink: Floats) -> Floats:
    """H, W, 3: the share of light that passes layers of ink (H, W, 4)."""
    light = np.ones((*ink.shape[:2], 3), np.float32)
    for number, colour in enumerate(INKS):
        light *= 1 - ink[..., number, None] * (1 - colour)
    return light
