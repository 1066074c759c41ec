"""The four rooms: a living room with a window, a desk with a lamp, a ring light in a dark room, an office.

Radiance 1 is 100 cd/m², a white wall at 300 lux. Lights close to the face are panels; windows and ceilings, far enough
to light all of it alike, are in the picture of the surroundings, whose bright parts the renderer samples first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from factory.world.capture import textures
from factory.world.capture.interiors import Block, Interior, Light, Numbers, surroundings
from factory.world.scene import Floats, Mesh, Panel, Point, Strands

Generator = np.random.Generator


@dataclass(frozen=True)
class Room:
    """A place to be recorded in.

    Args:
        panels: Lights close to the person.
        surroundings: H, W, 3: radiance from all else, background and windows included.
        bodies: What stands near the person.
    """

    panels: tuple[Panel, ...]
    surroundings: Floats
    bodies: tuple[Mesh | Strands, ...] = ()


def room(name: str, generator: Generator) -> Room:
    """One of ROOMS, furnished and lit anew by the generator. Raises KeyError for any other name."""
    return ROOMS[name](generator)


def living_room(generator: Generator) -> Room:
    """Daylight from a window at the side, soft from the walls."""
    shell = _Shell(generator, eye_height=generator.uniform(1.15, 1.6), behind=generator.uniform(1.4, 3.0))
    side = generator.choice([-1, 1])
    shell.upper[0] = generator.uniform(1.6, 2.6)
    shell.lower[0] = -generator.uniform(1.6, 2.6)
    wall = shell.upper[0] if side > 0 else -shell.lower[0]
    radiance, wide, tall = generator.uniform(8, 25), generator.uniform(1.2, 2.2), generator.uniform(1.2, 1.7)
    along, sill = generator.uniform(0.2, 1.4), generator.uniform(-0.6, -0.2)
    lower = (side * wall - 0.03, sill, along - wide / 2)
    upper = (side * wall + 0.03, sill + tall, along + wide / 2)
    shell.blocks.append(Block(lower, upper, textures.outdoors(generator, radiance), shines=True))
    _curtains(shell, generator, side * wall, along, wide, sill + tall)
    centre = (side * wall, sill + tall / 2, along)
    shell.lights.append(Light(centre, (-float(side), 0.0, 0.0), wide * tall, (0.75 * radiance,) * 3))
    if generator.random() < 0.5:
        _ceiling_lamp(shell, generator, generator.uniform(10, 30), generator.uniform(2700, 4000))
    _furnish(shell, generator, ("sofa", "shelf", "picture", "picture", "plant", "door", "cupboard", "lamp"))
    return Room((), surroundings(shell.interior(generator)))


def desk(generator: Generator) -> Room:
    """A warm lamp on the desk, the display's light, a dim room."""
    shell = _Shell(generator, eye_height=1.2, behind=generator.uniform(1.0, 2.4))
    _ceiling_lamp(shell, generator, generator.uniform(6, 18), generator.uniform(2700, 3500))
    warm = np.array(textures.lamp_colour(generator.uniform(2700, 4200)))
    centre = np.array(
        [
            generator.choice([-1, 1]) * generator.uniform(0.3, 0.6),
            generator.uniform(0.1, 0.4),
            generator.uniform(0.45, 0.8),
        ]
    )
    width = generator.uniform(0.14, 0.24)
    panel = _panel(centre, generator.uniform(2.0, 4.0), warm, width, width)
    shell.lights.append(_as_light(panel))
    display = textures.screen(generator, generator.uniform(1.0, 2.5))
    shell.blocks.append(Block((-0.28, -0.42, 0.65), (0.28, -0.1, 0.68), display, shines=True))
    _furnish(shell, generator, ("shelf", "shelf", "picture", "picture", "picture", "bed", "plant", "door", "cupboard"))
    return Room((panel,), surroundings(shell.interior(generator)))


def ring_light(generator: Generator) -> Room:
    """A ring of light around the camera, a dark room, sometimes a coloured strip of light behind."""
    shell = _Shell(generator, eye_height=generator.uniform(1.15, 1.6), behind=generator.uniform(0.9, 2.2))
    warm = np.array(textures.lamp_colour(generator.uniform(3200, 6500)))
    middle = np.array([generator.normal(0, 0.06), generator.normal(0.02, 0.05), generator.uniform(0.55, 0.85)])
    radius, count = generator.uniform(0.13, 0.23), 12
    lux = generator.uniform(2.5, 5.0) / count
    panels = []
    for turn in np.arange(count) / count * 2 * np.pi:
        centre = middle + radius * np.array([np.cos(turn), np.sin(turn), 0])
        panels.append(_panel(centre, lux, warm, 5 * radius / count, 5 * radius / count))
    shell.lights += [_as_light(panel) for panel in panels]
    _ceiling_lamp(shell, generator, generator.uniform(1, 5), generator.uniform(2700, 4000))
    if generator.random() < 0.6:
        _glow(shell, generator)
    _furnish(shell, generator, ("shelf", "picture", "picture", "plant", "curtain", "bed", "cupboard"))
    return Room(tuple(panels), surroundings(shell.interior(generator)))


def office(generator: Generator) -> Room:
    """Ceiling panels over desks, bright and even, from above."""
    shell = _Shell(generator, eye_height=generator.uniform(1.2, 1.65), behind=generator.uniform(1.8, 4.5))
    shell.upper[2], shell.ceiling = 4.0, textures.tiles(generator, np.full(3, 0.75, np.float32))
    shell.floor = textures.tiles(generator, textures.drawn_colour(generator, 0.3, (0.1, 0.3)))
    white = np.array(textures.lamp_colour(generator.uniform(3800, 6000))) * generator.uniform(14, 28)
    shift, wide = generator.uniform(-0.6, 0.6, 2), generator.choice([0.3, 0.6])
    height = shell.upper[1]
    for x in np.arange(-2, 3) * 1.2 + shift[0]:
        for z in np.arange(-2, 4) * 1.2 + shift[1]:
            if shell.lower[0] + 0.4 < x < shell.upper[0] - 0.4 and shell.lower[2] + 0.4 < z < shell.upper[2] - 0.4:
                lower, upper = (x - wide / 2, height - 0.02, z - 0.3), (x + wide / 2, height + 0.02, z + 0.3)
                shell.blocks.append(Block(lower, upper, np.tile(np.float32(white), (2, 2, 1)), shines=True))
                shell.lights.append(Light((x, height - 0.02, z), (0.0, -1.0, 0.0), 0.6 * wide, _colour(white)))
    _furnish(shell, generator, ("shelf", "partition", "partition", "whiteboard", "display", "door", "blinds", "plant"))
    return Room((), surroundings(shell.interior(generator)))


ROOMS: dict[str, Callable[[Generator], Room]] = {
    "living_room": living_room,
    "desk": desk,
    "ring_light": ring_light,
    "office": office,
}


class _Shell:
    """A room while it is being furnished."""

    def __init__(self, generator: Generator, eye_height: float, behind: float) -> None:
        self.lower = np.array([-generator.uniform(1.4, 2.6), -eye_height, -behind])
        self.upper = np.array(
            [generator.uniform(1.4, 2.6), generator.uniform(2.45, 2.8) - eye_height, generator.uniform(2.2, 3.5)]
        )
        colour = textures.drawn_colour(generator, 0.15, (0.4, 0.8)) * np.array([1.03, 1.0, 0.95], np.float32)
        self.wall = textures.paint(generator, colour)
        accent = textures.drawn_colour(generator, 0.6, (0.15, 0.7)) if generator.random() < 0.35 else colour
        self.back = textures.paint(generator, accent)
        brown = np.array([0.4, 0.26, 0.15], np.float32) * np.float32(generator.uniform(0.4, 1.4))
        self.floor = textures.wood(generator, brown, int(generator.integers(12, 24)))
        self.ceiling = textures.paint(generator, np.full(3, 0.78, np.float32))
        self.blocks: list[Block] = []
        self.lights: list[Light] = []

    def interior(self, generator: Generator) -> Interior:
        """What it has become."""
        walls = (self.wall, self.floor, self.ceiling, self.back)
        softness = generator.uniform(0.12, 0.4)
        return Interior(
            _point(self.lower), _point(self.upper), walls, tuple(self.blocks), tuple(self.lights), softness
        )


def _furnish(shell: _Shell, generator: Generator, things: tuple[str, ...]) -> None:
    """Put some of the things along the wall behind the person."""
    floor, back = shell.lower[1], shell.lower[2]
    chosen = generator.permutation(len(things))[: generator.integers(4, len(things) + 1)]
    spots = np.linspace(-1.5, 1.5, len(chosen)) * min(0.9, 0.55 * -back + 0.2) + generator.normal(0, 0.1, len(chosen))
    for x, which in zip(spots, chosen, strict=True):
        lower, upper, surface = _thing(things[which], generator, floor)
        depth = upper[2]
        shell.blocks.append(
            Block(
                (x + lower[0], lower[1], back),
                (x + upper[0], upper[1], back + depth),
                surface,
                things[which] == "lamp",
            )
        )
        if things[which] in ("lamp",):
            warm = surface[0, 0]
            shell.lights.append(Light((x, upper[1], back + depth + 0.1), (0.0, 0.0, -1.0), 0.1, _colour(warm)))


def _thing(name: str, generator: Generator, floor: float) -> tuple[Point, Point, Floats]:
    """Its extent around its place at the wall (the third coordinates are 0 and its depth), and its surface."""
    draw = generator.uniform
    colour = textures.drawn_colour(generator, 0.5, (0.1, 0.6))
    pale = textures.drawn_colour(generator, 0.15, (0.4, 0.8))
    if name == "sofa":
        wide, top = draw(0.7, 1.1), floor + draw(0.8, 0.95)
        return (-wide, floor, 0), (wide, top, 0.8), textures.cloth(generator, colour)
    if name == "bed":
        wide, top = draw(0.6, 0.9), floor + draw(0.7, 1.1)
        return (-wide, floor, 0), (wide, top, 0.3), textures.cloth(generator, colour)
    if name in ("shelf",):
        wide, top = draw(0.3, 0.6), floor + draw(1.5, 2.2)
        return (-wide, floor, 0), (wide, top, 0.3), textures.shelves(generator)
    if name == "cupboard":
        wide, top = draw(0.3, 0.7), floor + draw(0.8, 2.0)
        return (-wide, floor, 0), (wide, top, 0.5), textures.wood(generator, colour, 3)
    if name == "plant":
        wide = draw(0.25, 0.45)
        return (-wide, floor + 0.3, 0), (wide, floor + draw(1.2, 1.9), 0.4), textures.leaves(generator)
    if name == "door":
        return (-0.42, floor, 0), (0.42, floor + 2.02, 0.04), textures.door(generator, pale)
    if name == "curtain":
        return (-draw(0.4, 0.8), floor, 0), (draw(0.4, 0.8), floor + 2.3, 0.12), textures.curtain(generator, colour)
    if name == "lamp":
        light = np.array(textures.lamp_colour(draw(2500, 3200)), np.float32) * np.float32(draw(2, 6))
        return (-0.14, floor + 1.35, 0.3), (0.14, floor + 1.6, 0.6), np.tile(light, (2, 2, 1))
    if name == "partition":
        wide = draw(0.6, 0.9)
        return (-wide, floor, 0), (wide, floor + draw(1.1, 1.5), draw(0.2, 1.0)), textures.cloth(generator, colour)
    if name == "whiteboard":
        board = np.full((40, 60, 3), 0.75, np.float32)
        board[8:30:6, 6 : 6 + int(draw(15, 45))] = (0.15, 0.2, 0.5)
        return (-draw(0.4, 0.8), -0.35, 0), (draw(0.4, 0.8), draw(0.3, 0.6), 0.03), board
    if name == "display":
        return (-0.3, floor + 0.85, 0.0), (0.3, floor + 1.2, 0.9), textures.screen(generator, 0.5)
    if name == "blinds":
        return (-draw(0.5, 0.9), -0.4, 0), (draw(0.5, 0.9), 0.8, 0.05), textures.blinds(pale)
    wide, low = draw(0.15, 0.4), draw(-0.25, 0.15)  # a picture
    return (-wide, low, 0), (wide, low + wide * draw(1.0, 2.2), 0.03), textures.picture(generator)


def _curtains(shell: _Shell, generator: Generator, wall: float, along: float, wide: float, top: float) -> None:
    surface = textures.curtain(generator, textures.drawn_colour(generator, 0.4, (0.3, 0.8)))
    for end in (-1, 1):
        middle = along + end * (wide / 2 + 0.1)
        lower, upper = (wall - 0.08, shell.lower[1], middle - 0.2), (wall + 0.08, top + 0.15, middle + 0.2)
        shell.blocks.append(Block(lower, upper, surface))


def _ceiling_lamp(shell: _Shell, generator: Generator, radiance: float, kelvin: float) -> None:
    """A lamp of 40 cm under the ceiling."""
    light = np.array(textures.lamp_colour(kelvin)) * radiance
    x, z, height = generator.uniform(-0.6, 0.6), generator.uniform(-0.4, 1.2), float(shell.upper[1])
    surface = np.tile(np.float32(light), (2, 2, 1))
    shell.blocks.append(Block((x - 0.2, height - 0.1, z - 0.2), (x + 0.2, height, z + 0.2), surface, shines=True))
    shell.lights.append(Light((x, height - 0.1, z), (0.0, -1.0, 0.0), 0.16, _colour(light)))


def _glow(shell: _Shell, generator: Generator) -> None:
    """A strip of coloured light along the wall behind."""
    hue = generator.uniform(0, 2 * np.pi) + np.array([0, 2, 4]) * np.pi / 3
    light = (1 + 0.95 * np.cos(hue)) * generator.uniform(0.5, 2.0)
    height, back = generator.uniform(0.4, 1.0), shell.lower[2]
    for x in np.linspace(-1.2, 1.2, 5):
        shell.lights.append(Light((float(x), height, back + 0.25), (0.0, -0.6, -0.8), 0.08, _colour(light)))


def _panel(centre: Numbers, lux: float, colour: Numbers, width: float, height: float) -> Panel:
    """A panel that faces the person and gives that irradiance (in units of radiance) at the face."""
    strength = lux * float(centre @ centre) / (width * height)
    return Panel(_point(centre), (0.0, -0.03, 0.03), width, height, _colour(strength * colour))


def _as_light(panel: Panel) -> Light:
    towards = np.subtract(panel.towards, panel.centre)
    normal = _point(towards / np.linalg.norm(towards))
    return Light(panel.centre, normal, panel.width * panel.height, panel.radiance)


def _point(values: Numbers) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z


_colour = _point
