"""What an impostor has of the person they pretend to be: a picture, and for masks and make-up the face itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from factory.world.people.figure import Figure
from factory.world.render import render
from factory.world.scene import Camera, Floats, Panel, Scene

SIDE, SAMPLES = 288, 32
FIELD = 0.37  # metres of the person across the picture: head and shoulders
AWAY = 1.3
LIGHT = 1.2  # side of the window


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
    """

    figure: Figure
    places: Floats
    landmarks: Floats
    scene: Scene
    white: float
    side: int
    samples: int
    seed: int

    @cached_property
    def picture(self) -> Floats:
        """side, side, 3: linear sRGB, 0 to 1, as a display shows it; rendered when an attack first asks for it."""
        down, across = (np.mgrid[: self.side, : self.side] + 0.5) / self.side
        reach = max(1.5 * spread(self.landmarks), 1 / self.side)
        face = np.hypot(across - self.middle[0], down - self.middle[1]) < reach
        return developed(render(self.scene, self.side, self.samples, self.seed), self.white, face)

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


def enrolled(figure: Figure, generator: np.random.Generator, side: int = SIDE, samples: int = SAMPLES) -> Enrolment:
    """A picture of somebody in soft daylight, from the front, by a good camera."""
    target = figure.landmarks.mean(axis=0) + [0, 0.01, 0]
    x, y, z = (float(value) for value in target)
    camera = Camera((x, y, z + AWAY), (x, y, z), float(np.degrees(2 * np.arctan(FIELD / 2 / AWAY))))
    window = (float(generator.uniform(-1.2, 1.2)), float(generator.uniform(0.2, 1.0)), 1.6)
    warm = float(generator.uniform(-0.08, 0.08))
    light = Panel(window, (x, y, z), LIGHT, LIGHT, (4 * (1 + warm), 4.0, 4 * (1 - warm)))
    wall = float(generator.uniform(0.15, 0.55))
    scene = Scene(camera, figure.everything, (light,), (wall, wall, wall))
    white = 4 * LIGHT**2 / float(((np.array(window) - (x, y, z)) ** 2).sum()) / np.pi + 0.6 * wall
    places, landmarks = _seen(figure.points, camera), _seen(figure.landmarks, camera)
    return Enrolment(figure, places, landmarks, scene, white, side, samples, int(generator.integers(2**31)))


def developed(radiance: Floats, white: float, face: NDArray[np.bool_]) -> Floats:
    """A picture in linear values, exposed and cleaned of noise as a camera does by itself.

    Args:
        radiance: H, W, 3.
        white: Of a white sheet in that light.
        face: H, W: which pixels the camera takes for the face; it makes up in part for a dark one.
    """
    exposed = radiance * np.float32(0.8 / white)
    light = float(np.median(exposed[face].mean(axis=1)))
    exposed *= np.float32((0.3 / max(light, 0.01)) ** 0.45)
    shown = np.where(exposed < 0.6, exposed, 0.6 + 0.4 * np.tanh((exposed - 0.6) / 0.4))
    coded = Image.fromarray(np.asarray(np.clip(shown, 0, 1) ** (1 / 2.2) * 255 + 0.5, np.uint8))
    clean = np.asarray(coded.filter(ImageFilter.MedianFilter(3)), np.float32) / 255
    soft = np.asarray(coded, np.float32) / 255
    return np.asarray((0.7 * clean + 0.3 * soft) ** 2.2, np.float32)


def spread(points: Floats) -> float:
    """Root mean square distance of points (N, 2) from their middle."""
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _seen(points: Floats, camera: Camera) -> Floats:
    """N, 2: where a camera that looks along -z shows points, in sides of its picture to the right and down."""
    away = np.asarray(points, np.float64) - camera.position
    scale = 2 * np.tan(np.radians(camera.field_of_view) / 2) * -away[:, 2:]
    return np.asarray(0.5 + away[:, :2] * [1, -1] / scale, np.float32)
