"""Figures: what stands where, and that it is all there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory.world.people.dress import Dress, Garment, dress
from factory.world.people.eyes import LIDS, ball, eyes
from factory.world.people.figure import figure, resting
from factory.world.people.head import LEFT_EYE, RIGHT_EYE, mirrored
from factory.world.people.person import Moment, Person
from factory.world.people.pose import JUGULAR, pose
from factory.world.people.spectacles import Spectacles, spectacles
from factory.world.scene import Mesh

PEOPLE = [Person.from_seed(seed) for seed in range(6)]
ROUND = Spectacles(True, (0.5, 0.5, 0.5), 0.048, 0.042, 2.2, 0.0009, True)


@pytest.mark.parametrize("seed", range(4))
def test_a_figure_is_finite_and_between_its_eyes(seed: int) -> None:
    made = figure(PEOPLE[seed], Moment.from_seed(seed))
    for body in made.bodies:
        assert np.isfinite(body.points).all()
        if isinstance(body, Mesh):
            assert body.triangles.max() < len(body.points) == len(body.uv)
    right, left, nose, mouth_right, mouth_left = made.landmarks
    assert np.allclose((right + left) / 2, 0, atol=1e-4)
    assert right[0] < -0.02 < 0.02 < left[0]
    assert 0.02 < -nose[1] < 0.07 and nose[2] > max(right[2], left[2])
    assert mouth_right[0] < mouth_left[0] and max(mouth_right[1], mouth_left[1]) < nose[1]


def test_equal_seeds_give_equal_figures() -> None:
    one, other = (figure(PEOPLE[3], Moment.from_seed(9)) for _ in range(2))
    assert all(np.array_equal(a.points, b.points) for a, b in zip(one.bodies, other.bodies, strict=True))


def test_the_head_turns_and_the_shoulders_stay() -> None:
    points = resting(PEOPLE[0], Moment.still())
    turned = pose(points, yaw=20, pitch=0, roll=0)
    after = turned(points)
    nose = np.argmax(points[:, 2])
    assert after[nose, 0] > points[nose, 0] + 0.01  # to the person's left
    low = points[:, 1] < points[JUGULAR, 1] - 0.05
    moved = after[low] - points[low]
    assert np.ptp(moved, axis=0).max() < 1e-4
    assert pose(points, 0, 10, 0)(points)[nose, 1] > points[nose, 1] + 0.003  # up


def test_irises_follow_the_gaze() -> None:
    points = resting(PEOPLE[0], Moment.still())
    balls = [eyes(PEOPLE[0].eyes, points, gaze)[0] for gaze in ((0.0, 0.0), (15.0, 0.0), (0.0, 10.0))]
    front = [body.points[0] for body in balls]  # the cornea's top
    assert front[1][0] > front[0][0] + 0.002
    assert front[2][1] > front[0][1] + 0.002


def test_lids_lie_on_the_eyeballs() -> None:
    for person in PEOPLE:
        points = resting(person, Moment.still())
        made = eyes(person.eyes, points, (0.0, 0.0))
        for part, body in ((RIGHT_EYE, made[0]), (LEFT_EYE, made[3])):
            numbers = np.array(LIDS) if part == LEFT_EYE else mirrored()[np.array(LIDS)]
            apart = np.linalg.norm(points[numbers][:, None] - body.points[None], axis=2).min(axis=1)
            assert np.median(apart) < 0.0012  # metres; the ball's points are that far apart
            assert body.points[0, 2] > ball(points, part)[0][2] + ball(points, part)[1] * 0.8


def test_mirrored_points_are_opposite() -> None:
    numbers = mirrored()
    assert np.array_equal(numbers[numbers], np.arange(len(numbers)))


@pytest.mark.parametrize("garment", ["t-shirt", "shirt", "hoodie"])
def test_clothes_cover_the_shoulders_and_leave_the_face(garment: Garment) -> None:
    points = resting(PEOPLE[1], Moment.still())
    drawn = Dress.drawn(np.random.default_rng(1))
    made = dress(replace(drawn, garment=garment), points)
    assert all(np.isfinite(body.points).all() for body in made)
    high = max(float(body.points[:, 1].max()) for body in made)
    assert high < -0.06
    assert min(float(body.points[:, 0].min()) for body in made) < -0.2


def test_spectacles_sit_before_the_eyes() -> None:
    for person in PEOPLE:
        points = resting(person, Moment.still())
        glasses = [body for body in spectacles(ROUND, points) if body.material.glass]
        assert len(glasses) == 2
        for glass, part in zip(glasses, (RIGHT_EYE, LEFT_EYE), strict=True):
            centre, radius = ball(points, part)
            assert abs(glass.points[-1, 0] - centre[0]) < 0.012
            assert glass.points[:, 2].min() > centre[2] + radius
