"""What an impostor has of the person they pretend to be: a picture, and for masks and make-up the face itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from factory.world.capture.compression import jpeg
from factory.world.capture.filters import resized
from factory.world.capture.processing import smoothed
from factory.world.capture.rooms import Room
from factory.world.people.figure import Figure
from factory.world.render import render
from factory.world.scene import Camera, Floats, Panel, Point, Scene

SIDE, SAMPLES = 384, 12  # of 128: twice the pixels across a face, and more paths to each of it, than a picture has
FIELD = 0.37  # metres of the person across the picture: head and shoulders
AWAY = (0.5, 1.4)  # metres: a selfie, a portrait
YAW, PITCH = 12.0, 8.0  # degrees that the camera stands aside, above or below at most
LAMP, SOFTNESS = 1.6, (0.25, 1.6)  # metres that the light is away, and its side: a lamp, a window
NOISE = 0.008  # of the few paths, in coded values: fainter than pores are
QUALITY = 85  # of the JPEG that a site makes of a picture


@dataclass(frozen=True)
class Enrolment:
    """A good picture of a person.

    Args:
        figure: The person as they stood.
        places: V, 2: where the picture shows each point of their head, in sides to the right and down.
        landmarks: 5, 2: the same for the landmarks.
        scene: What the picture is taken of.
        white: Radiance of a white sheet in that light.
        side: Pixels of the picture's side.
        samples: Light paths a pixel.
        seed: Of the paths.
        original: What this one is a smaller copy of.
    """

    figure: Figure
    places: Floats
    landmarks: Floats
    scene: Scene
    white: float
    side: int
    samples: int
    seed: int
    original: Enrolment | None = None

    @cached_property
    def picture(self) -> Floats:
        """side, side, 3: linear sRGB, 0 to 1, as a display shows it; rendered when an attack first asks for it."""
        if self.original is not None:
            coded = resized(self.original.picture ** np.float32(1 / 2.2), self.side, self.side)
            shrunk = jpeg(np.asarray(np.rint(coded * 255), np.uint8), QUALITY)
            return np.asarray((shrunk / np.float32(255)) ** 2.2, np.float32)
        down, across = (np.mgrid[: self.side, : self.side] + 0.5) / self.side
        reach = max(1.5 * spread(self.landmarks), 1 / self.side)
        face = np.hypot(across - self.middle[0], down - self.middle[1]) < reach
        return developed(render(self.scene, self.side, self.samples, self.seed), self.white, face)

    def posted(self, side: int) -> Enrolment:
        """The picture as a site shows it that makes pictures smaller: `side` pixels, as a JPEG."""
        return replace(self, side=side, original=self)

    @property
    def middle(self) -> NDArray[np.float64]:
        """Middle of the face in the picture, in sides."""
        return np.asarray(self.landmarks.mean(axis=0, dtype=np.float64))

    def size(self, figure: Figure) -> float:
        """Metres of the picture's side when its face is as large as another person's."""
        return spread(figure.landmarks[:, :2]) / spread(self.landmarks)

    def crop(self, box: tuple[float, float, float, float], width: int, height: int) -> Floats:
        """height, width, 3: the box (left, top, right, bottom, in sides) of the picture, resampled."""
        side = len(self.picture)
        pixels = (box[0] * side, box[1] * side, box[2] * side, box[3] * side)
        channels = [
            np.asarray(
                Image.fromarray(np.ascontiguousarray(self.picture[..., channel])).resize(
                    (width, height), Image.Resampling.BICUBIC, box=pixels
                )
            )
            for channel in range(3)
        ]
        return np.asarray(np.clip(np.stack(channels, axis=-1), 0, 1), np.float32)


def enrolled_side(size: int) -> int:
    """Pixels of the side of what an attacker has, for pictures of `size`: more than they can show of it."""
    return min(3 * size, SIDE)


def enrolled(
    figure: Figure,
    generator: np.random.Generator,
    side: int = SIDE,
    samples: int = SAMPLES,
    room: Room | None = None,
) -> Enrolment:
    """A picture of somebody by a good camera: from about the front, before a plain wall, or in a room."""
    target = figure.landmarks.mean(axis=0, dtype=np.float64) + [0, 0.01, 0]
    away = float(generator.uniform(*AWAY))
    place = target + away * _towards(generator.uniform(-YAW, YAW), generator.uniform(-PITCH, PITCH))
    camera = Camera(_point(place), _point(target), float(np.degrees(2 * np.arctan(FIELD / 2 / away))))
    scene, white = (
        _before_a_wall(figure, camera, target, generator)
        if room is None
        else (Scene(camera, figure.everything, room.panels, room.surroundings), room.white)
    )
    places, landmarks = _seen(figure.points, camera), _seen(figure.landmarks, camera)
    return Enrolment(figure, places, landmarks, scene, white, side, samples, int(generator.integers(2**31)))


def _before_a_wall(
    figure: Figure, camera: Camera, target: NDArray[np.float64], generator: np.random.Generator
) -> tuple[Scene, float]:
    """The scene with one light, from one side or the other, and the radiance of a white sheet in it."""
    direct, walls = generator.uniform((0.35, 0.15), (0.7, 0.55))
    window = LAMP * _towards(generator.uniform(-70, 70), generator.uniform(-5, 55))
    size = float(np.exp(generator.uniform(*np.log(SOFTNESS))))
    warm = np.array([1, 0, -1]) * generator.uniform(-0.12, 0.12)
    radiance = direct * np.pi * (LAMP / size) ** 2 * (1 + warm)
    light = Panel(_point(target + window), _point(target), size, size, _point(radiance))
    scene = Scene(camera, figure.everything, (light,), (float(walls), float(walls), float(walls)))
    return scene, float(direct + 0.6 * walls)


def developed(radiance: Floats, white: float, face: NDArray[np.bool_]) -> Floats:
    """A picture in linear values, exposed and cleaned of noise as a camera does: of colour more.

    Args:
        radiance: H, W, 3.
        white: Of a white sheet in that light.
        face: H, W: which pixels the camera takes for the face; it makes up in part for a dark one.
    """
    exposed = radiance * np.float32(0.8 / white)
    light = float(np.median(exposed[face].mean(axis=1)))
    exposed *= np.float32((0.3 / max(light, 0.01)) ** 0.45)
    shown = np.where(exposed < 0.6, exposed, 0.6 + 0.4 * np.tanh((exposed - 0.6) / 0.4))
    coded = smoothed(np.asarray(np.clip(shown, 0, 1) ** (1 / 2.2), np.float32), NOISE)
    return np.asarray(np.clip(coded, 0, 1) ** 2.2, np.float32)


def spread(points: Floats) -> float:
    """Root mean square distance of points (N, 2) from their middle."""
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _towards(yaw: float, pitch: float) -> NDArray[np.float64]:
    """3: the unit vector at angles (degrees) to the left of z and above it."""
    across, up = np.radians((yaw, pitch))
    return np.array([np.sin(across) * np.cos(up), np.sin(up), np.cos(across) * np.cos(up)])


def _point(values: NDArray[np.float64]) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _seen(points: Floats, camera: Camera) -> Floats:
    """N, 2: where an upright camera shows points, in sides of its picture to the right and down."""
    ahead = np.subtract(camera.target, camera.position)
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, camera.up)
    right /= np.linalg.norm(right)
    away = np.asarray(points, np.float64) - camera.position
    scale = 2 * np.tan(np.radians(camera.field_of_view) / 2) * (away @ ahead)
    return np.asarray(0.5 + away @ np.stack([right, -np.cross(right, ahead)], axis=1) / scale[:, None], np.float32)
