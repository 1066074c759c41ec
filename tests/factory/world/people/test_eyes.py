"""Eyeballs: where they lie, where they look, and their colours."""

from __future__ import annotations

import numpy as np

from factory.world.people.ancestry import Ancestry
from factory.world.people.eyes import LIDS, Eyes, ball, eyes
from factory.world.people.head import LEFT_EYE, RIGHT_EYE, mirrored
from tests.factory.world.people.heads import rested, somebody, sound


def test_irises_follow_the_gaze() -> None:
    balls = [eyes(somebody(0).eyes, rested(0), gaze)[0] for gaze in ((0.0, 0.0), (15.0, 0.0), (0.0, 10.0))]
    front = [body.points[0] for body in balls]  # the cornea's top
    assert front[1][0] > front[0][0] + 0.002
    assert front[2][1] > front[0][1] + 0.002


def test_lids_lie_on_the_eyeballs() -> None:
    for seed in range(6):
        points = rested(seed)
        made = eyes(somebody(seed).eyes, points, (0.0, 0.0))
        for part, body in ((RIGHT_EYE, made[0]), (LEFT_EYE, made[3])):
            numbers = np.array(LIDS) if part == LEFT_EYE else mirrored()[np.array(LIDS)]
            apart = np.linalg.norm(points[numbers][:, None] - body.points[None], axis=2).min(axis=1)
            assert np.median(apart) < 0.0012  # metres; the ball's points are that far apart
            assert body.points[0, 2] > ball(points, part)[0][2] + ball(points, part)[1] * 0.8


def test_the_ball_of_an_eye_is_the_sphere_through_it() -> None:
    centre, radius = ball(rested(0), LEFT_EYE)
    moved, double = ball(np.asarray(2 * rested(0) + 0.1, np.float32), LEFT_EYE)
    assert 0.01 < radius < 0.02
    assert np.allclose(moved, 2 * centre + 0.1, atol=1e-5) and abs(double - 2 * radius) < 1e-5


def test_eyeballs_face_outwards_and_equal_seeds_make_equal_ones() -> None:
    made, again = (eyes(somebody(1).eyes, rested(1), (4.0, -3.0)) for _ in range(2))
    for body, other in zip(made, again, strict=True):
        assert sound(body) and np.array_equal(body.points, other.points)
    for body in (made[0], made[3]):
        colour = body.material.colour
        assert isinstance(colour, np.ndarray) and 0 < colour.min() < colour.max() < 1
        corners = body.points[body.triangles]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert (across * (corners.mean(axis=1) - body.points.mean(axis=0))).sum(axis=1).min() > -1e-9
    assert not np.array_equal(made[0].material.colour, made[3].material.colour)


def test_irises_are_brown_but_for_caucasian_people() -> None:
    brown, mixed = (
        [Eyes.drawn(np.random.default_rng(seed), 40.0, family).iris for seed in range(60)]
        for family in (Ancestry(0.6, 0.4, 0.0), Ancestry(0.0, 0.0, 1.0))
    )
    assert all(red > blue for red, _, blue in brown)
    assert 8 < sum(red < blue for red, _, blue in mixed) < 30  # blue and grey
    assert max(map(sum, brown)) < max(map(sum, mixed))  # type: ignore[arg-type]
