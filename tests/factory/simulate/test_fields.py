"""Fields that portraits and attacks are drawn with, by hand and by the laws they obey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.simulate import fields


def test_linear_light_by_hand() -> None:
    assert fields.linear([0, 127.5, 255]).tolist() == pytest.approx([0.0, 0.5**2.2, 1.0], rel=1e-6)


@given(st.floats(-2, 2), st.floats(0.1, 2))
def test_a_soft_step_rises_from_zero_to_one_in_either_direction(start: float, width: float) -> None:
    x = np.linspace(start - 1, start + width + 1, 50)
    step = fields.soft(start, start + width, x)
    assert step[0] == 0.0 and step[-1] == 1.0 and (np.diff(step) >= 0).all()
    middle = fields.soft(start, start + width, np.array([start + width / 2]))
    assert middle.item() == pytest.approx(0.5, abs=1e-4)
    np.testing.assert_allclose(fields.soft(start + width, start, x), 1 - step, atol=1e-5)


def test_hills_and_crests_fall_to_one_over_e_at_their_spread() -> None:
    u, v = np.array([0.5, 0.8, 0.5]), np.array([-0.2, -0.2, 0.2])
    hill = fields.bump(u, v, (0.5, -0.2), (0.3, 0.4))
    assert hill.tolist() == pytest.approx([1.0, np.exp(-1), np.exp(-1)], rel=1e-5)
    assert fields.ridge(np.array([0.0, 0.25, -0.25]), 0.25).tolist() == pytest.approx([1.0, np.exp(-1), np.exp(-1)])


def test_a_mixture_is_the_base_the_colour_or_between() -> None:
    base, colour = np.zeros((1, 3, 3)), np.array([1.0, 0.5, 0.25])
    mixed = fields.mix(base, colour, np.array([[0.0, 0.5, 1.0]]))
    assert mixed[0].tolist() == [[0, 0, 0], [0.5, 0.25, 0.125], [1.0, 0.5, 0.25]]


def test_reduction_is_the_mean_of_blocks_and_blurring_keeps_a_flat_field() -> None:
    field = np.arange(16.0).reshape(4, 4)
    assert fields.reduced(field, 2).tolist() == [[2.5, 4.5], [10.5, 12.5]]
    np.testing.assert_allclose(fields.blurred(np.full((12, 8), 3.0), 4), 3.0, rtol=1e-6)
    grain = np.random.default_rng(0).normal(size=(64, 64))
    assert fields.blurred(grain, 8).std() < 0.3 * grain.std()


def test_samples_are_the_texture_at_whole_places_linear_between_and_repeat() -> None:
    texture = np.random.default_rng(0).random((8, 16), np.float32)
    at = np.array([[3.0, 3.5, 3.0 + 16, -1.0]])
    found = fields.sample(texture, at, np.full_like(at, 2.0))[0]
    expected = [texture[2, 3], (texture[2, 3] + texture[2, 4]) / 2, texture[2, 3], texture[2, 15]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_noise_follows_from_its_generator_and_octaves_add_detail() -> None:
    coarse, again, fine = (fields.noise(np.random.default_rng(1), 64, 4, octaves) for octaves in (1, 1, 4))
    assert coarse.shape == (64, 64) and np.array_equal(coarse, again)
    assert np.abs(np.diff(fine, axis=0)).mean() > 1.5 * np.abs(np.diff(coarse, axis=0)).mean()
