"""The four rooms: a living room with a window, a desk with a lamp, a ring light in a dark room, an office.

Radiance 1 is 100 cd/m², a white wall at 300 lux. Lamps and windows that light the face are panels; ceilings and
what is behind a person, far enough to look the same from every place, are in the picture of the surroundings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from factory.world.capture import textures
from factory.world.capture.interiors import Block, Numbers, directions, surroundings
from factory.world.capture.room_builder import RoomBuilder, point
from factory.world.scene import Floats, Panel

Generator = np.random.Generator

FACE = (0.0, -0.03, 0.03)  # where lamps are turned to
RING = 12  # squares of a ring light


@dataclass(frozen=True)
class Room:
    """A place to be recorded in.

    Args:
        panels: Lamps and windows that light the person.
        surroundings: H, W, 3: radiance from all else, background and windows included.
    """

    panels: tuple[Panel, ...]
    surroundings: Floats

    @property
    def white(self) -> float:
        """Radiance of a white sheet in the place of the face, turned to the camera."""
        rows, columns = self.surroundings.shape[:2]
        ahead = directions((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns)[..., 2]
        share = np.clip(ahead, 0, None) * np.sin((np.arange(rows)[:, None] + 0.5) / rows * np.pi)  # of the light
        everywhere = float((self.surroundings.mean(axis=2) * share).sum() / share.sum())
        return everywhere + sum(_white(panel) for panel in self.panels)


def room(name: str, generator: Generator) -> Room:
    """One of ROOMS, furnished and lit anew by the generator. Raises KeyError for any other name."""
    return ROOMS[name](generator)


def living_room(generator: Generator) -> Room:
    """Daylight from a window at the side, soft from the walls."""
    builder = RoomBuilder(generator, eye_height=generator.uniform(1.15, 1.6), behind=generator.uniform(1.4, 3.0))
    panes = _window(builder, generator)
    if generator.random() < 0.5:
        builder.ceiling_lamp(generator.uniform(10, 30), generator.uniform(2700, 4000))
    builder.furnish(("sofa", "shelf", "picture", "picture", "plant", "door", "cupboard", "lamp", "window"))
    return Room(panes, surroundings(builder.interior()))


def desk(generator: Generator) -> Room:
    """A warm lamp on the desk, the display's light, a dim room."""
    builder = RoomBuilder(generator, eye_height=1.2, behind=generator.uniform(1.0, 2.4))
    builder.ceiling_lamp(generator.uniform(6, 18), generator.uniform(2700, 3500))
    warm = np.array(textures.lamp_colour(generator.uniform(2700, 4200)))
    aside, up, before = generator.uniform((0.3, 0.1, 0.45), (0.6, 0.4, 0.8))
    centre = np.array([generator.choice([-1, 1]) * aside, up, before])
    lamp = _panel(centre, generator.uniform(2.0, 4.0) * warm, generator.uniform(0.14, 0.24))
    builder.lit_by((lamp,))
    display = textures.screen(generator, generator.uniform(1.0, 2.5))
    builder.blocks.append(Block((-0.28, -0.42, 0.65), (0.28, -0.1, 0.68), display, shines=True))
    builder.furnish(("shelf", "shelf", "picture", "picture", "picture", "bed", "plant", "door", "cupboard"))
    return Room((lamp,), surroundings(builder.interior()))


def ring_light(generator: Generator) -> Room:
    """A ring of light before the face, a dark room, sometimes a coloured strip of light behind."""
    builder = RoomBuilder(generator, eye_height=generator.uniform(1.15, 1.6), behind=generator.uniform(0.9, 2.2))
    light = np.array(textures.lamp_colour(generator.uniform(3200, 6500))) * generator.uniform(2.5, 5.0) / RING
    middle = generator.normal((0, 0.02, 0.7), (0.06, 0.05, 0.06))
    radius = generator.uniform(0.13, 0.23)
    turns = np.arange(RING) / RING * 2 * np.pi
    centres = middle + radius * np.stack([np.cos(turns), np.sin(turns), 0 * turns], axis=1)
    ring = tuple(_panel(centre, light, 5 * radius / RING) for centre in centres)
    builder.lit_by(ring)
    builder.ceiling_lamp(generator.uniform(1, 5), generator.uniform(2700, 4000))
    if generator.random() < 0.6:
        builder.coloured_strip()
    builder.furnish(("shelf", "picture", "picture", "plant", "curtain", "bed", "cupboard"))
    return Room(ring, surroundings(builder.interior()))


def office(generator: Generator) -> Room:
    """Ceiling panels over desks, bright and even, from above."""
    builder = RoomBuilder(generator, eye_height=generator.uniform(1.2, 1.65), behind=generator.uniform(1.8, 4.5))
    builder.upper[2] = 4.0
    builder.ceiling = textures.tiles(generator, np.full(3, 0.75, np.float32))
    builder.floor = textures.tiles(generator, textures.drawn_colour(generator, 0.3, (0.1, 0.3)))
    white = np.array(textures.lamp_colour(generator.uniform(3800, 6000))) * generator.uniform(14, 28)
    width, (right, front) = generator.choice([0.3, 0.6]), generator.uniform(-0.6, 0.6, 2)
    for x in np.arange(-2, 3) * 1.2 + right:
        for z in np.arange(-2, 4) * 1.2 + front:
            if np.all(builder.lower[::2] + 0.4 < (x, z)) and np.all((x, z) < builder.upper[::2] - 0.4):
                builder.ceiling_panel(float(x), float(z), width, 0.6, white)
    builder.furnish(("shelf", "partition", "partition", "whiteboard", "display", "door", "blinds", "plant", "window"))
    return Room((), surroundings(builder.interior()))


ROOMS: dict[str, Callable[[Generator], Room]] = {
    "living_room": living_room,
    "desk": desk,
    "ring_light": ring_light,
    "office": office,
}


def _window(builder: RoomBuilder, generator: Generator) -> tuple[Panel, ...]:
    """Put a window of two panes, with curtains, into a wall at the person's side, from beside to before the person."""
    side = int(generator.choice([-1, 1]))
    wall = float(builder.upper[0] if side > 0 else builder.lower[0])
    radiance, width, height = generator.uniform((8, 1.2, 1.2), (25, 2.2, 1.7))
    along, sill = generator.uniform((0.2, -0.6), (1.4, -0.2))
    sky = radiance * np.array(textures.lamp_colour(generator.uniform(5500, 8000)))
    panes = []
    for middle in (along - width / 4, along + width / 4):
        centre = (wall - 0.02 * side, sill + height / 2, middle)
        panes.append(Panel(centre, (0.0, centre[1], middle), width / 2 - 0.06, height, point(sky)))
    builder.lit_by(tuple(panes))
    cloth = textures.curtain(generator, textures.drawn_colour(generator, 0.3, (0.3, 0.8)))
    for middle in (along - width / 2 - 0.1, along + width / 2 + 0.1):
        lower, upper = (wall - 0.08, builder.lower[1], middle - 0.2), (wall + 0.08, sill + height + 0.15, middle + 0.2)
        builder.blocks.append(Block(lower, upper, cloth))
    return tuple(panes)


def _white(panel: Panel) -> float:
    """Radiance of a white sheet at the origin, turned to z, in the light of a panel."""
    centre = np.array(panel.centre)
    turned = np.subtract(panel.towards, centre)
    away = float(np.linalg.norm(centre))
    sent = -float(turned @ centre) / float(np.linalg.norm(turned)) / away
    received = max(float(centre[2]), 0) / away
    return float(np.mean(panel.radiance)) * panel.width * panel.height * max(sent, 0) * received / away**2 / np.pi


def _panel(centre: Numbers, irradiance: Numbers, side: float) -> Panel:
    """A square panel turned to the face, where it gives this irradiance."""
    return Panel(point(centre), FACE, side, side, point(irradiance * float(centre @ centre) / side**2))
