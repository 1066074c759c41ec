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
from factory.world.people.spectacles import Spectacles, before, spectacles
from factory.world.scene import Floats, Mesh, Strands

SIDE = 768  # pixels of the skin's texture
NOSE_TIP, MOUTH_CORNER = 297, 3270  # points of the head mesh; the corner is the left one


@dataclass(frozen=True)
class Figure:
    """What stands before the camera.

    Args:
        bodies: Skin, eyes, hair, clothes: all but spectacles, which an attack may have to lay over something.
        points: V, 3: points of the head mesh as posed; the eyes' midpoint is the origin.
        landmarks: 5, 3: right eye, left eye, tip of the nose, right and left corner of the mouth (the person's right,
            so the picture's left first).
        pose: How the head is turned.
        spectacles: What they wear, or none.
    """

    bodies: tuple[Mesh | Strands, ...]
    points: Floats
    landmarks: Floats
    pose: Pose
    spectacles: Spectacles | None

    @property
    def everything(self) -> tuple[Mesh | Strands, ...]:
        """The bodies, with spectacles on the nose."""
        return (*self.bodies, *self.spectacled(self.points))

    def spectacled(self, points: Floats, covering: Floats | None = None) -> tuple[Mesh, ...]:
        """The spectacles, if any, on a face that is turned like this one.

        Args:
            points: V, 3: of the head mesh: the person's own, or those of a mask that has its shape.
            covering: N, 3: of what else lies on the face, no more than 5 mm apart; they sit before it.
        """
        if self.spectacles is None:
            return ()
        made = spectacles(self.spectacles, self.pose.undone(points))
        if covering is not None:
            made = before(made, self.pose.undone(covering))
        return tuple(replace(body, points=self.pose(body.points)) for body in made)


def figure(person: Person, moment: Moment) -> Figure:
    """A person at a moment."""
    points = resting(person, moment)
    turned = pose(points, moment.yaw, moment.pitch, moment.roll)
    bodies: list[Mesh | Strands] = [_body(person, points), *eyes(person.eyes, points, moment.gaze)]
    bodies += hair(person.hair, points)
    bodies += dress(person.dress, points)
    moved = tuple(replace(body, points=turned(body.points)) for body in bodies)
    return Figure(moved, turned(points), turned(_landmarks(points)), turned, person.spectacles)


def resting(person: Person, moment: Moment) -> Floats:
    """V, 3: the head mesh with the moment's expression, not turned; the eyes' midpoint is the origin."""
    points = closed(shaped({**person.weights, **moment.expression, **lids(moment.gaze[1])}))
    right, left = ball(points, RIGHT_EYE)[0], ball(points, LEFT_EYE)[0]
    return np.asarray(points - (right + left) / 2, np.float32)


def _body(person: Person, points: Floats) -> Mesh:
    """The skin that clothes leave to be seen."""
    whole = surface(points, BODY, skin(person.skin, SIDE))
    return replace(whole, triangles=whole.triangles[quarters(uncovered(person.dress))])


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
