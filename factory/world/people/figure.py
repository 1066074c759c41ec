"""A person at a moment as bodies of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from factory.world.people.head import BODY, LEFT_EYE, RIGHT_EYE, base, shaped, surface
from factory.world.people.person import Moment, Person
from factory.world.scene import Floats, Material, Mesh, Strands


@dataclass(frozen=True)
class Figure:
    """What stands before the camera.

    Args:
        bodies: Skin, eyes, hair, clothes, spectacles.
        points: V, 3: points of the head mesh as posed; the midpoint of the eyes at rest is the origin.
        landmarks: 5, 3: right eye, left eye, tip of the nose, right and left corner of the mouth (the person's right,
            so the picture's left).
    """

    bodies: tuple[Mesh | Strands, ...]
    points: Floats
    landmarks: Floats


def figure(person: Person, moment: Moment) -> Figure:
    """A person at a moment."""
    points = centred(shaped({**person.weights, **moment.expression}))
    skin = Material(colour=(0.5, 0.32, 0.25), roughness=0.45, specular=0.35)
    white = Material(colour=(0.6, 0.6, 0.6), roughness=0.1)
    bodies = (surface(points, BODY, skin), surface(points, LEFT_EYE, white), surface(points, RIGHT_EYE, white))
    return Figure(bodies, points, np.zeros((5, 3), np.float32))


def eye_centres(points: Floats) -> tuple[Floats, Floats]:
    """3, 3: centres of the right and the left eyeball."""
    mesh = base()
    return tuple(points[np.unique(mesh.quads[mesh.part == part])].mean(axis=0) for part in (RIGHT_EYE, LEFT_EYE))  # type: ignore[return-value]


def centred(points: Floats) -> Floats:
    """The head with the midpoint of its eyes at the origin."""
    right, left = eye_centres(points)
    return np.asarray(points - (right + left) / 2, np.float32)
