"""One picture: a person at a moment in a room, or an attack that shows them, as the camera of a domain records it."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from factory.corpus.row import LIVE_ATTACK
from factory.world.attacks import ATTACKS
from factory.world.attacks.enrolment import Enrolment, enrolled
from factory.world.attacks.presentation import Presentation
from factory.world.capture import rooms
from factory.world.capture.cameras import CAMERAS, Device, view
from factory.world.capture.record import record
from factory.world.people.figure import Figure, figure
from factory.world.people.person import Moment, Person
from factory.world.people.pigments import colour, individual_typology_angle
from factory.world.render import render
from factory.world.scene import Camera, Scene

STRANGERS = 1 << 63  # seeds from here on are of the others in attacks; nobody of a corpus has such a seed
FLAT = (
    "print",
    "replay",
)  # what is seen is no head: the row has the pose of the sheet or display
WORN = ("partial", "make_up")  # these leave most of the wearer's face to be seen: the person wears them themselves


@dataclass(frozen=True)
class Photograph:
    """What the camera wrote, and what was before it.

    Args:
        pixels: uint8 (size, size, 3).
        parameters: columns of `scenes.parquet`.
    """

    pixels: NDArray[np.uint8]
    parameters: dict[str, str | float]


def photograph(
    person: int, moment: int, room: str, camera: str, attack: str, size: int, samples: int, seed: int
) -> Photograph:
    """Take a picture.

    Args:
        person: seed of the person.
        moment: seed of expression, gaze and pose.
        room: one of `capture.rooms.ROOMS`.
        camera: one of `capture.cameras.CAMERAS`.
        attack: one of `ATTACKS`, or `live`.
        size: pixels of the picture's side.
        samples: light paths a pixel.
        seed: of all else; pictures of a pair share it, and with it the room and its light.

    Raises:
        UserError: Mitsuba is not installed.
    """
    place, device = _room(room, seed), CAMERAS[camera]
    shown = _presented(person, moment, device, attack, seed)
    looks = view(device, _drawn(seed, "view", attack), shown.landmarks)
    scene = Scene(looks, shown.bodies, place.panels, place.surroundings)
    radiance = render(scene, size, samples, int(_drawn(seed, "paths", attack).integers(2**31)))
    pixels = record(device, radiance, _drawn(seed, "record", attack))
    taken: dict[str, str | float] = {
        "room": room,
        "distance": _distance(looks),
        "light": float(radiance.mean(dtype=np.float64)),
    }
    return Photograph(pixels, {**_described(person), **taken, **shown.parameters})


def _presented(person: int, moment: int, camera: Device, attack: str, seed: int) -> Presentation:
    """What is before the camera: the person, or an attack by which a stranger shows the person's face."""
    if attack == LIVE_ATTACK:
        somebody = _figure(person, moment)
        return Presentation(somebody.everything, somebody.landmarks, _turned(moment))
    generator = _drawn(seed, "attack", attack)
    stranger, then = (int(value) for value in generator.integers(1 << 62, size=2))
    stranger += STRANGERS
    if attack in WORN:
        impostor, posed, enrolment = _figure(person, moment), moment, _enrolment(stranger, then)
    else:
        impostor, posed = figure(Person.from_seed(stranger), Moment.from_seed(then)), then
        enrolment = _enrolment(person, moment)
    enrolment = _found(enrolment, _drawn(seed, "found", attack))
    made = ATTACKS[attack](impostor, enrolment, camera, generator)
    pose = {} if attack in FLAT else _turned(posed)
    return replace(made, parameters={**made.parameters, **pose, "enrolment_side": float(enrolment.side)})


@functools.lru_cache(maxsize=2)
def _figure(person: int, moment: int) -> Figure:
    return figure(Person.from_seed(person), Moment.from_seed(moment))


@functools.lru_cache(maxsize=2)
def _enrolment(person: int, moment: int) -> Enrolment:
    """However large and fine the pictures are that show it."""
    return enrolled(_figure(person, moment), _drawn(moment, "enrolment"))


def _found(enrolment: Enrolment, generator: np.random.Generator) -> Enrolment:
    """What an attacker has of it: the picture itself, or a smaller copy from a site."""
    if generator.random() < 0.5:
        return enrolment
    return enrolment.posted(round(enrolment.side * generator.uniform(0.4, 1)))


@functools.lru_cache(maxsize=1)
def _room(room: str, seed: int) -> rooms.Room:
    return rooms.room(room, _drawn(seed, "room"))


def _turned(moment: int) -> Mapping[str, float]:
    """Pose of the head that is before the camera: of a mask its wearer's."""
    now = Moment.from_seed(moment)
    return {"head_yaw": now.yaw, "head_pitch": now.pitch, "head_roll": now.roll}


def _described(person: int) -> Mapping[str, str | float]:
    """Who it is: of a spoof, whose face is shown."""
    somebody = Person.from_seed(person)
    skin = colour(np.array(somebody.skin.melanin, np.float32), np.array(somebody.skin.blood, np.float32))
    tone = float(individual_typology_angle(skin))
    return {"sex": somebody.sex, "age": somebody.age, "tone": tone}


def _distance(camera: Camera) -> float:
    return float(np.linalg.norm(np.subtract(camera.position, camera.target)))


def _drawn(seed: int, *names: str) -> np.random.Generator:
    """Random numbers of one purpose: what one part of a picture draws moves no other part."""
    return np.random.default_rng([seed, zlib.crc32("/".join(names).encode())])
