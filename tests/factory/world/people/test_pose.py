"""Turned heads: what moves, what stays, and that it does not bend."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.people.pose import CHIN, JUGULAR, SLOPE, pose
from tests.factory.world.people.heads import rested


def test_the_head_turns_and_the_shoulders_stay() -> None:
    points = rested(0)
    turned = pose(points, yaw=20, pitch=0, roll=0)
    after = turned(points)
    nose = np.argmax(points[:, 2])
    assert after[nose, 0] > points[nose, 0] + 0.01  # to the person's left
    low = points[:, 1] < points[JUGULAR, 1] - 0.05
    moved = after[low] - points[low]
    assert np.ptp(moved, axis=0).max() < 1e-4
    assert pose(points, 0, 10, 0)(points)[nose, 1] > points[nose, 1] + 0.003  # up


@pytest.mark.parametrize("turn", [(0, 0, 0), (16, 0, 0), (-16, 8, 3), (0, 0, -12)])
def test_the_eyes_midpoint_stays_at_the_origin(turn: tuple[float, float, float]) -> None:
    assert np.allclose(pose(rested(0), *turn)(np.zeros(3, np.float32)), 0, atol=1e-6)


def test_no_turn_moves_nothing() -> None:
    assert np.allclose(pose(rested(0), 0, 0, 0)(rested(0)), rested(0), atol=1e-6)


def test_the_head_above_the_jaw_turns_as_a_whole() -> None:
    points = rested(0)
    level = points[:, 1] + SLOPE * points[:, 2]
    skull = points[level > level[CHIN]][::40]
    moved = pose(points, -14, 9, 5)(skull)
    before, after = (np.linalg.norm(some[:, None] - some[None], axis=2) for some in (skull, moved))
    assert len(skull) > 50 and np.allclose(before, after, atol=1e-5)
    assert np.abs(moved - skull).max() > 0.01


def test_a_lean_is_towards_the_shoulder_of_its_side() -> None:
    left = np.array([0.03, 0, 0], np.float32)
    assert pose(rested(0), 0, 0, 10)(left)[1] < -0.003
