"""The outer shape of a head: what is inside, what is outside, and how things are pushed out of it."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.people.envelope import envelope
from factory.world.people.head import BODY, base
from factory.world.scene import Floats
from tests.factory.world.people.heads import around, mixed


def skull() -> Floats:
    """Points of the skin above the eyes."""
    points = mixed()[np.unique(base().quads[base().part == BODY])]
    return points[points[:, 1] > around().middle[1] + 0.02]


def test_the_skin_lies_on_the_envelope_and_the_middle_deep_inside() -> None:
    assert np.abs(np.quantile(around().depth(skull()), [0.05, 0.95])).max() < 0.003
    assert around().depth(np.asarray(around().middle[None] + 0.001, np.float32))[0] > 0.06
    assert (around().depth(np.asarray(2 * skull(), np.float32)) < 0).all()


@pytest.mark.parametrize("off", [0.001, 0.01])
def test_what_is_pushed_lies_off_the_head_and_the_shoulders(off: float) -> None:
    inside = np.random.default_rng(0).uniform(-0.12, 0.12, (400, 3)).astype(np.float32) * [1, 2, 1]
    pushed = around().pushed(np.asarray(inside + around().middle, np.float32), off)
    assert np.isfinite(pushed).all()
    assert around().depth(pushed).max() < -off + 1e-4
    again = around().pushed(pushed, off)
    assert np.abs(again - pushed)[pushed[:, 1] > around().middle[1] - 0.1].max() < 1e-4


def test_what_is_outside_is_not_moved() -> None:
    outside = np.asarray(around().middle + np.array([[0.0, 0.2, 0], [0.2, 0.05, 0], [0, -0.05, 0.3]]), np.float32)
    assert np.array_equal(around().pushed(outside, 0.002), outside)


def test_an_envelope_moves_with_its_head() -> None:
    far = np.array([0.05, -0.02, 0.01], np.float32)
    moved = envelope(mixed() + far)
    assert np.allclose(moved.middle, around().middle + far, atol=1e-5)
    assert np.median(np.abs(moved.radius - around().radius)) < 1e-4
    assert (around().radius > 0.02).all() and (around().radius < 0.2).all()
