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
from factory.world.attacks.enrolment import Enrolment, enrolled, enrolled_side
from factory.world.attacks.presentation import Presentation
from factory.world.capture import rooms
from factory.world.capture.cameras import CAMERAS, Device, view
from factory.world.capture.record import record
from factory.world.people.figure import Figure, figure
from factory.world.people.person import Moment, Person
from factory.world.people.pigments import colour, individual_typology_angle
from factory.world.render import render
from factory.world.scene import Camera, Mesh, Scene, Strands

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
    person: int,
    moment: int,
    room: str,
    camera: str,
    attack: str,
    size: int,
    samples: int,
    seed: int,
    paired: bool = False,
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
        paired: `unattacked` takes the live picture of this one. What the attacker has was then taken in a room, like
            any live picture: a plain wall behind the person would tell the attack.

    Raises:
        UserError: Mitsuba is not installed.
    """
    device = CAMERAS[camera]
    shown = _presented(person, moment, device, attack, enrolled_side(size), seed, paired)
    looks = view(device, _drawn(seed, "view", attack), shown.landmarks)
    taken = _recorded(shown.bodies, looks, room, device, attack, size, samples, seed)
    return replace(taken, parameters={**_described(person), **taken.parameters, **shown.parameters})


def unattacked(
    person: int, moment: int, room: str, camera: str, attack: str, size: int, samples: int, seed: int
) -> Photograph:
    """Take the live picture that a spoof would be without its attack: of the same pose, expression and framing.

    Behind a print or a replay stands what they show, in place of sheet or display and seen by the same camera; under a
    mask the person themselves, turned like its wearer; without make-up or glasses the wearer.

    Args and raises as `photograph`; `attack` is not `live`.
    """
    device = CAMERAS[camera]
    pose: Mapping[str, float] = {}
    if attack in WORN:
        wearer = _figure(person, moment)
        bodies, landmarks, pose = wearer.everything, wearer.landmarks, _turned(Moment.from_seed(moment))
    else:
        cast = _cast(person, moment, attack, enrolled_side(size), seed, paired=True)
        spoof = ATTACKS[attack](cast.impostor, cast.enrolment, device, cast.generator)
        landmarks = spoof.landmarks
        if spoof.page is not None:
            bodies = (spoof.page.window(),)
        else:
            turned = replace(cast.posed, expression=Moment.from_seed(moment).expression)
            bodies, pose = figure(Person.from_seed(person), turned).everything, _turned(cast.posed)
    looks = view(device, _drawn(seed, "view", attack), landmarks)
    taken = _recorded(bodies, looks, room, device, f"{attack}/{LIVE_ATTACK}", size, samples, seed)
    return replace(taken, parameters={**_described(person), **taken.parameters, **pose})


def _recorded(
    bodies: tuple[Mesh | Strands, ...],
    looks: Camera,
    room: str,
    device: Device,
    name: str,
    size: int,
    samples: int,
    seed: int,
) -> Photograph:
    """What a camera writes of bodies in a room; `name` tells pictures of one seed apart."""
    place = _room(room, seed)
    scene = Scene(looks, bodies, place.panels, place.surroundings)
    radiance = render(scene, size, samples, int(_drawn(seed, "paths", name).integers(2**31)))
    pixels = record(device, radiance, _drawn(seed, "record", name))
    light = float(radiance.mean(dtype=np.float64))
    return Photograph(pixels, {"room": room, "distance": _distance(looks), "light": light})


@dataclass(frozen=True)
class _Cast:
    """Who attacks, how their head is turned, what they have of whom they show, and the numbers to be drawn next."""

    impostor: Figure
    posed: Moment
    enrolment: Enrolment
    generator: np.random.Generator


def _cast(person: int, moment: int, attack: str, side: int, seed: int, paired: bool) -> _Cast:
    generator = _drawn(seed, "attack", attack)
    stranger, then = (int(value) for value in generator.integers(1 << 62, size=2))
    stranger += STRANGERS
    if attack in WORN:
        impostor, posed, enrolment = _figure(person, moment), moment, _enrolment(stranger, then, side, paired)
    else:
        impostor, posed = figure(Person.from_seed(stranger), Moment.from_seed(then)), then
        enrolment = _enrolment(person, moment, side, paired)
    return _Cast(impostor, Moment.from_seed(posed), _found(enrolment, _drawn(seed, "found", attack)), generator)


def _presented(
    person: int, moment: int, camera: Device, attack: str, side: int, seed: int, paired: bool
) -> Presentation:
    """What is before the camera: the person, or an attack by which a stranger shows the person's face."""
    if attack == LIVE_ATTACK:
        somebody = _figure(person, moment)
        return Presentation(somebody.everything, somebody.landmarks, _turned(Moment.from_seed(moment)))
    cast = _cast(person, moment, attack, side, seed, paired)
    made = ATTACKS[attack](cast.impostor, cast.enrolment, camera, cast.generator)
    pose = {} if attack in FLAT else _turned(cast.posed)
    return replace(made, parameters={**made.parameters, **pose, "enrolment_side": float(cast.enrolment.side)})


@functools.lru_cache(maxsize=2)
def _figure(person: int, moment: int) -> Figure:
    return figure(Person.from_seed(person), Moment.from_seed(moment))


@functools.lru_cache(maxsize=2)
def _enrolment(person: int, moment: int, side: int, in_a_room: bool) -> Enrolment:
    drawn = _drawn(moment, "enrolment")
    if not in_a_room:
        return enrolled(_figure(person, moment), drawn, side)
    furnished = _drawn(moment, "enrolment", "room")
    name = str(furnished.choice(list(rooms.ROOMS)))
    return enrolled(_figure(person, moment), drawn, side, room=rooms.room(name, furnished))


def _found(enrolment: Enrolment, generator: np.random.Generator) -> Enrolment:
    """What an attacker has of it: the picture itself, or a smaller copy from a site."""
    if generator.random() < 0.5:
        return enrolment
    return enrolment.posted(round(enrolment.side * generator.uniform(0.4, 1)))


@functools.lru_cache(maxsize=1)
def _room(room: str, seed: int) -> rooms.Room:
    return rooms.room(room, _drawn(seed, "room"))


def _turned(now: Moment) -> Mapping[str, float]:
    """Pose of the head that is before the camera: of a mask its wearer's."""
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
