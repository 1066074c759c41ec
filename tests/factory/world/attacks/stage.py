"""Two people, and an enrolment of one of them that took no rendering: its picture tells where it shows what."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from factory.world.attacks.enrolment import Enrolment
from factory.world.capture.cameras import PHONE, view
from factory.world.people.figure import Figure, figure
from factory.world.people.hair import BALD
from factory.world.people.person import Moment, Person
from factory.world.scene import Floats, Panel, Scene

FIELD = 0.37


@cache
def impostor() -> Figure:
    return _bare(1)


@cache
def enrolment() -> Enrolment:
    victim = _bare(2)
    middle = victim.landmarks.mean(axis=0)
    side = 96
    picture = np.full((side, side, 3), 0.5, np.float32)
    places = 0.5 + (victim.points - middle)[:, :2] * [1, -1] / FIELD
    landmarks = 0.5 + (victim.landmarks - middle)[:, :2] * [1, -1] / FIELD
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    for place in landmarks:  # red where the face has its points
        picture[np.hypot(x - place[0], y - place[1]) < 0.03] = (1, 0, 0)
    scene = seen((), victim.landmarks)
    made = Enrolment(victim, places.astype(np.float32), landmarks.astype(np.float32), scene, 1.0, side, 0, 0)
    vars(made)["picture"] = picture  # as if it had been rendered
    return made


def seen(bodies: tuple, landmarks: Floats, surroundings: float = 0.5) -> Scene:  # type: ignore[type-arg]
    """The landmarks before a phone that frames them."""
    x, y, z = (float(value) for value in landmarks.mean(axis=0))
    camera = view(PHONE, np.random.default_rng(0), landmarks)
    light = Panel((0.3, 0.6, camera.position[2] + 0.3), (x, y, z), 0.7, 0.7, (4, 4, 4))
    return Scene(camera, bodies, (light,), (surroundings, surroundings, surroundings))


def _bare(seed: int) -> Figure:
    person = Person.from_seed(seed)
    bald = replace(person.hair, style=BALD, beard=None)
    return figure(replace(person, spectacles=None, hair=bald), Moment.still())
