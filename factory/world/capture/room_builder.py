"""A room while it is being built: walls, then lamps and furniture."""

from __future__ import annotations

import numpy as np

from factory.world.capture import textures
from factory.world.capture.furniture import furniture
from factory.world.capture.interiors import Block, Interior, Light, Numbers
from factory.world.scene import Panel, Point

Generator = np.random.Generator


class RoomBuilder:
    """A room that is not finished.

    Args:
        generator: Of its size and colours, and later of what is put into it.
        eye_height: Metres from the floor to the person's eyes.
        behind: Metres from the person to the wall behind.
    """

    def __init__(self, generator: Generator, eye_height: float, behind: float) -> None:
        self._generator = generator
        left, right, front = generator.uniform((1.4, 1.4, 2.2), (2.6, 2.6, 3.5))
        self.lower = np.array([-right, -eye_height, -behind])
        self.upper = np.array([left, generator.uniform(2.45, 2.8) - eye_height, front])
        colour = textures.drawn_colour(generator, 0.15, (0.4, 0.8)) * np.array([1.03, 1.0, 0.95], np.float32)
        self.wall = textures.paint(generator, colour)
        accent = textures.drawn_colour(generator, 0.5, (0.15, 0.7)) if generator.random() < 0.35 else colour
        self.back = textures.paint(generator, accent)
        brown = np.array([0.4, 0.26, 0.15], np.float32) * np.float32(generator.uniform(0.4, 1.4))
        self.floor = textures.wood(generator, brown, int(generator.integers(12, 24)))
        self.ceiling = textures.paint(generator, np.full(3, 0.78, np.float32))
        self.blocks: list[Block] = []
        self.lights: list[Light] = []

    def furnish(self, kinds: tuple[str, ...]) -> None:
        """Put most of the things along the wall behind the person, closest together where cameras look."""
        generator, back = self._generator, float(self.lower[2])
        chosen = generator.permutation(len(kinds))[: generator.integers(len(kinds) - 3, len(kinds) + 1)]
        spots = np.linspace(-1, 1, len(chosen)) * (0.3 - 0.45 * back) + generator.normal(0, 0.1, len(chosen))
        for x, kind in zip(spots.tolist(), chosen, strict=True):
            block = furniture(kinds[kind], generator, float(self.lower[1]), (x, 0.0, back))
            self.blocks.append(block)
            if block.shines:
                (width, height, _), radiance = np.subtract(block.upper, block.lower), block.surface.mean(axis=(0, 1))
                centre = (x, block.upper[1] - height / 2, block.upper[2] + 0.05)
                self.lights.append(Light(centre, (0.0, 0.0, 1.0), float(width * height), point(radiance)))

    def ceiling_lamp(self, radiance: float, kelvin: float) -> None:
        """Hang a lamp of 40 cm under the ceiling."""
        light = np.array(textures.lamp_colour(kelvin)) * radiance
        x, z = self._generator.uniform((-0.6, -0.4), (0.6, 1.2))
        self.ceiling_panel(x, z, 0.4, 0.4, light)

    def ceiling_panel(self, x: float, z: float, width: float, depth: float, light: Numbers) -> None:
        """Put a luminous panel of this radiance into the ceiling."""
        height = float(self.upper[1])
        lower, upper = (x - width / 2, height - 0.05, z - depth / 2), (x + width / 2, height + 0.05, z + depth / 2)
        self.blocks.append(Block(lower, upper, np.tile(np.float32(light), (2, 2, 1)), shines=True))
        self.lights.append(Light((x, height - 0.05, z), (0.0, -1.0, 0.0), width * depth, point(light)))

    def coloured_strip(self) -> None:
        """Fix a strip of coloured light to the wall behind."""
        hue = self._generator.uniform(0, 2 * np.pi) + np.array([0, 2, 4]) * np.pi / 3
        light = (1 + 0.95 * np.cos(hue)) * self._generator.uniform(0.5, 2.0)
        height, back = self._generator.uniform(0.4, 1.0), float(self.lower[2])
        for x in (-1.2, -0.6, 0.0, 0.6, 1.2):
            self.lights.append(Light((x, height, back + 0.25), (0.0, -0.6, -0.8), 0.08, point(light)))

    def lit_by(self, panels: tuple[Panel, ...]) -> None:
        """Let panels that stand close together light the room, as one lamp."""
        centre = np.mean([panel.centre for panel in panels], axis=0)
        towards = np.subtract(panels[0].towards, centre)
        area = sum(panel.width * panel.height for panel in panels)
        self.lights.append(Light(point(centre), point(towards / np.linalg.norm(towards)), area, panels[0].radiance))

    def interior(self) -> Interior:
        """What it has become."""
        walls = (self.wall, self.floor, self.ceiling, self.back)
        blur = self._generator.uniform(0.12, 0.4)
        return Interior(point(self.lower), point(self.upper), walls, tuple(self.blocks), tuple(self.lights), blur)


def point(values: Numbers) -> Point:
    """Three numbers as Python's own."""
    x, y, z = (float(value) for value in values)
    return x, y, z
