"""A person at a moment as bodies of a scene."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from factory.world.people.dress import dress, uncovered
from factory.world.people.eyes import ball, eyes
from factory.world.people.hair import hair
from factory.world.people.head import BODY, LEFT_EYE, RIGHT_EYE, mirrored, quarters, shaped, surface
from factory.world.people.lips import closed
from factory.world.people.person import Moment, Person
from factory.world.people.pose import Pose, pose
from factory.world.people.shape import lids
from factory.world.people.skin import skin
from factory.world.people.spectacles import spectacles
from factory.world.scene import Floats, Mesh, Strands

SIDE = 768  # pixels of the skin's texture
NOSE_TIP, MOUTH_CORNER = 297, 3270  # points of the head mesh; the corner is the left one


@dataclass(frozen=True)
class Figure:
    """What stands before the camera.

    Args:
        bodies: Skin, eyes, hair, clothes, spectacles.
        points: V, 3: points of the head mesh as posed; the eyes' midpoint is the origin.
        landmarks: 5, 3: right eye, left eye, tip of the nose, right and left corner of the mouth (the person's right,
            so the picture's left first).
    """

    bodies: tuple[Mesh | Strands, ...]
    points: Floats
    landmarks: Floats


def figure(person: Person, moment: Moment) -> Figure:
    """A person at a moment."""
    points = resting(person, moment)
    turned = pose(points, moment.yaw, moment.pitch, moment.roll)
    bodies: list[Mesh | Strands] = [_body(person, points), *eyes(person.eyes, points, moment.gaze)]
    bodies += hair(person.hair, points)
    bodies += dress(person.dress, points)
    if person.spectacles is not None:
        bodies += spectacles(person.spectacles, points)
    return Figure(tuple(_moved(body, turned) for body in bodies), turned(points), turned(_landmarks(points)))


def resting(person: Person, moment: Moment) -> Floats:
    """V, 3: the head mesh with the moment's expression, not turned; the eyes' midpoint is the origin."""
    points = closed(shaped({**person.weights, **moment.expression, **lids(moment.gaze[1])}))
    right, left = ball(points, RIGHT_EYE)[0], ball(points, LEFT_EYE)[0]
    return np.asarray(points - (right + left) / 2, np.float32)


def _body(person: Person, points: Floats) -> Mesh:
    """The skin that clothes leave to be seen."""
    whole = surface(points, BODY, skin(person.skin, SIDE))
    return replace(whole, triangles=whole.triangles[quarters(uncovered(person.dress))])


def _moved(body: Mesh | Strands, turned: Pose) -> Mesh | Strands:
    return replace(body, points=turned(body.points))


def _landmarks(points: Floats) -> Floats:
    return np.stack(
        [
            ball(points, RIGHT_EYE)[0],
            ball(points, LEFT_EYE)[0],
            points[NOSE_TIP],
            points[mirrored()[MOUTH_CORNER]],
            points[MOUTH_CORNER],
        ]
    ).astype(np.float32)
