"""Light comes from its side, and deeper skin is darker."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.drawn.portrait import Capture, Subject, light, render

FRONTAL = Capture(seed=1)


def test_deeper_skin_is_darker_and_light_comes_from_its_side() -> None:
    subject = replace(Subject.from_seed(4), cut="bald", beard=0.0, moustache=0.0)
    cheek = slice(70, 80), slice(58, 70)
    levels = [render(replace(subject, skin=skin), FRONTAL, 128)[cheek].mean() for skin in (0.0, 0.3, 0.6, 1.0)]
    assert levels == sorted(levels, reverse=True)
    from_left = render(subject, replace(FRONTAL, light=(-50.0, 20.0)), 128).astype(float)[50:90]
    from_right = render(subject, replace(FRONTAL, light=(50.0, 20.0)), 128).astype(float)[50:90]
    assert from_left[:, 35:55].mean() > from_right[:, 35:55].mean() + 15
    assert from_right[:, 75:95].mean() > from_left[:, 75:95].mean() + 15


@given(st.floats(-80, 80), st.floats(-60, 60))
def test_the_direction_of_the_light_is_a_unit_vector(azimuth: float, elevation: float) -> None:
    x, down, z = light.towards(replace(FRONTAL, light=(azimuth, elevation)))
    assert np.hypot(np.hypot(x, down), z) == pytest.approx(1.0, abs=1e-5)
    assert z > 0 and x * azimuth >= 0 and down * elevation <= 0


def test_warm_light_is_redder_and_less_blue() -> None:
    assert light.tint(replace(FRONTAL, warmth=0.0)).tolist() == [1.0, 1.0, 1.0]
    red, green, blue = light.tint(replace(FRONTAL, warmth=0.5))
    assert red > green == 1.0 > blue


def test_a_wall_casts_its_shadow_away_from_the_light_and_a_plane_casts_none() -> None:
    sideways = light.towards(replace(FRONTAL, light=(60.0, 0.0)))  # from the right
    assert not light.cast_shadow(sideways, np.zeros((64, 64), np.float32), 1 / 32).any()
    wall = np.zeros((64, 64), np.float32)
    wall[:, 30:34] = 0.6
    shadow = light.cast_shadow(sideways, wall, 1 / 32)
    assert shadow[:, 20:28].mean() > shadow[:, 40:48].mean() + 0.3
