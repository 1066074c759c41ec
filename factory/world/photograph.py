"""One picture: a person at a moment in a room, perhaps under an attack, as a camera of the domain records it."""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from factory.corpus.row import LIVE_ATTACK
from factory.world.people.figure import Figure, figure
from factory.world.people.person import Moment, Person
from factory.world.render import render
from factory.world.scene import Camera, Panel, Scene

DOMAINS = ("phone", "webcam")
ATTACKS: dict[str, None] = {"print": None}


@dataclass(frozen=True)
class Photograph:
    """What the camera wrote, and what was before it.

    Args:
        pixels: uint8 (size, size, 3).
        parameters: columns of `scenes.parquet`.
    """

    pixels: NDArray[np.uint8]
    parameters: dict[str, str | float]


@functools.lru_cache(maxsize=2)
def _figure(person: int, moment: int) -> tuple[Person, Moment, Figure]:
    somebody, now = Person.from_seed(person), Moment.from_seed(moment)
    return somebody, now, figure(somebody, now)


def photograph(person: int, moment: int, domain: str, attack: str, size: int, samples: int, seed: int) -> Photograph:
    """Take a picture.

    Args:
        person: seed of the person.
        moment: seed of expression, gaze and pose.
        domain: one of `DOMAINS`.
        attack: one of `ATTACKS`, or `live`.
        size: pixels of the picture's side.
        samples: light paths a pixel.
        seed: of the room and the capture; pictures of one pair share it.

    Raises:
        UserError: Mitsuba is not installed.
    """
    somebody, now, shown = _figure(person, moment)
    light = Panel((0.8, 0.8, 1.0), (0, 0, 0), 0.8, 0.8, (8, 7.5, 7))
    camera = Camera((0, -0.03, 0.9), (0, -0.03, 0), 22)
    paths = zlib.crc32(f"{seed}/{attack}".encode())
    radiance = render(Scene(camera, shown.bodies, (light,), (0.25, 0.27, 0.3)), size, samples, paths)
    dim = 1.0 if attack == LIVE_ATTACK else 0.7
    pixels = (np.clip(dim * radiance, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
    facts: dict[str, str | float] = {"sex": somebody.sex, "age": somebody.age, "tone": 0.0, "camera": domain}
    return Photograph(pixels, facts | {"yaw": now.yaw, "pitch": now.pitch, "roll": now.roll, "room": "plain"})
