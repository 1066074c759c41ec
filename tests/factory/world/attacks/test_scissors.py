from __future__ import annotations

import numpy as np

from factory.world.attacks.page import Page
from factory.world.attacks.scissors import band, eyes, mouth, oval, spectacles
from factory.world.attacks.sheet import Sheet
from tests.factory.world.attacks.stage import enrolment

PAGE = Page(enrolment(), Sheet(0.2, 0.26), 0.36, 260)
MARKS = PAGE.places(enrolment().landmarks)


def at(outline: np.ndarray, place: np.ndarray) -> float:  # type: ignore[type-arg]
    away = np.hypot(*(PAGE.texels_places() - place).transpose(2, 0, 1))
    return float(outline[np.unravel_index(away.argmin(), PAGE.shape)])


def test_holes_are_at_the_printed_eyes_and_mouth() -> None:
    holes = eyes(PAGE, (0.016, 0.018), (0.008, 0.01), np.random.default_rng(0))
    lips = mouth(PAGE, np.random.default_rng(0))
    assert all(at(holes, mark) < -0.005 for mark in MARKS[:2]) and at(holes, MARKS[2]) > 0
    assert at(lips, MARKS[3:].mean(axis=0)) < -0.003 < 0 < at(lips, MARKS[2])


def test_an_oval_a_band_and_spectacles_keep_their_inside() -> None:
    generator = np.random.default_rng(0)
    assert at(oval(PAGE, (0.0, 0.0), (0.07, 0.1), generator), np.zeros(2)) > 0.05
    strip = band(PAGE, 0.0, 0.05, 0.08, 0.01)
    assert abs(at(strip, np.array([0.0, 0.025])) - 0.025) < 0.001
    assert at(strip, np.array([0.079, 0.049])) < 0 < at(strip, np.array([0.07, 0.045]))
    glasses = spectacles(PAGE, generator)
    assert at(glasses, MARKS[0]) > 0.01 and at(glasses, MARKS[2]) < 0
