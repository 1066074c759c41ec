"""The colour of skin from its pigments."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.people.pigments import colour, individual_typology_angle, melanin_of
from factory.world.scene import Floats


def _one(value: float) -> Floats:
    return np.array([value], np.float32)


def test_more_blood_is_a_redder_skin() -> None:
    blood = np.linspace(0.005, 0.06, 6, dtype=np.float32)
    rgb = colour(np.full(6, 0.03, np.float32), blood)
    assert (np.diff(rgb[:, 0] / rgb[:, 1]) > 0).all()


@pytest.mark.parametrize("angle", [50.0, 30.0, 0.0, -40.0])
def test_melanin_of_a_tone_gives_that_tone(angle: float) -> None:
    melanin = melanin_of(angle, 0.012)
    got = individual_typology_angle(colour(_one(melanin), _one(0.012)))
    assert abs(float(got[0]) - angle) < 2


def test_more_melanin_is_a_darker_skin_of_any_blood() -> None:
    melanin = np.linspace(0, 0.5, 40, dtype=np.float32)
    for blood in (0.0, 0.02, 0.14):
        rgb = colour(melanin, np.full(40, blood, np.float32))
        assert rgb.min() > 0 and rgb.max() < 1
        assert (np.diff(rgb, axis=0) <= 0).all()
        assert (rgb[:30, 0] > rgb[:30, 1]).all() and (rgb[:30, 1] > rgb[:30, 2]).all()  # skin is never blue


def test_fractions_out_of_range_are_taken_as_the_nearest() -> None:
    assert np.array_equal(colour(_one(-1), _one(9)), colour(_one(0), _one(0.14)))
    assert 0 <= melanin_of(89.0, 0.01) < melanin_of(-89.0, 0.01) <= 0.5


def test_the_angle_of_known_colours() -> None:
    light, dark, half = np.array([[0.6, 0.45, 0.35], [0.03, 0.015, 0.008], [0.1841865] * 3], np.float32)
    assert individual_typology_angle(light) > 30
    assert individual_typology_angle(dark) < -50
    assert abs(float(individual_typology_angle(half + [0.01, 0, -0.02]))) < 15  # lightness 50
