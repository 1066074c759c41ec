"""Lips that close."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.people.head import base, shaped
from factory.world.people.lips import HALF_WIDTH, LEFT, OPENING, closed
from factory.world.scene import Floats


def gap(points: Floats) -> float:
    """Metres between the lips in the middle of the mouth."""
    rest, below = base().points, base().targets[OPENING][:, 1] < -0.004
    near = (np.abs(rest[:, 0]) < 0.004) & (rest[:, 1] > -0.0735) & (rest[:, 1] < -0.061) & (rest[:, 2] > 0.021)
    return float(points[near & ~below, 1].min() - points[near & below, 1].max())


@pytest.mark.parametrize("opened", [0.02, 0.05, 0.08])
def test_a_gap_between_the_lips_closes(opened: float) -> None:
    points = shaped({OPENING: opened})
    assert gap(points) > LEFT + 0.0003
    assert gap(closed(points)) < LEFT + 0.0003
    assert gap(closed(points)) > -0.002


def test_closed_lips_stay_as_they_are() -> None:
    once = closed(shaped({OPENING: 0.05}))
    assert np.abs(closed(once) - once).max() < 0.0004


def test_only_the_mouth_moves_and_only_up_and_down() -> None:
    points = shaped({OPENING: 0.08})
    moved = closed(points) - points
    rest = base().points
    away = (np.abs(rest[:, 0]) > HALF_WIDTH) | (np.abs(rest[:, 1] + 0.067) > 0.03) | (rest[:, 2] < 0)
    assert np.abs(moved[away]).max() < 1e-6
    assert np.abs(moved[:, [0, 2]]).max() < 1e-6 and np.abs(moved[:, 1]).max() > 0.0003
