"""What stands or hangs along the wall behind a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from factory.world.capture import textures
from factory.world.capture.interiors import Block
from factory.world.scene import Floats, Point

Generator = np.random.Generator


def furniture(name: str, generator: Generator, floor: float, place: Point) -> Block:
    """A thing of this kind, one of KINDS, of any size and colour.

    Args:
        name: Its kind.
        generator: Of all that varies.
        floor: The floor's y.
        place: Where x = 0 of the wall goes.
    """
    block = KINDS[name](generator, floor)
    lower, upper = np.add(block.lower, place), np.add(block.upper, place)
    return replace(block, lower=tuple(lower.tolist()), upper=tuple(upper.tolist()))


def _standing(half: float, floor: float, height: float, depth: float, surface: Floats) -> Block:
    return Block((-half, floor, 0.0), (half, floor + height, depth), surface)


def _hanging(half: float, low: float, height: float, surface: Floats) -> Block:
    return Block((-half, low, 0.0), (half, low + height, 0.03), surface)


def _colour(generator: Generator) -> Floats:
    return textures.drawn_colour(generator, 0.45, (0.1, 0.55))


def _sofa(generator: Generator, floor: float) -> Block:
    half, height = generator.uniform(0.7, 1.1), generator.uniform(0.8, 0.95)
    return _standing(half, floor, height, 0.8, textures.cloth(generator, _colour(generator)))


def _bed(generator: Generator, floor: float) -> Block:
    half, height = generator.uniform(0.6, 0.9), generator.uniform(0.7, 1.1)
    return _standing(half, floor, height, 0.3, textures.cloth(generator, _colour(generator)))


def _shelf(generator: Generator, floor: float) -> Block:
    half, height = generator.uniform(0.3, 0.6), generator.uniform(1.5, 2.2)
    return _standing(half, floor, height, 0.3, textures.shelves(generator))


def _cupboard(generator: Generator, floor: float) -> Block:
    half, height = generator.uniform(0.3, 0.7), generator.uniform(0.8, 2.0)
    return _standing(half, floor, height, 0.5, textures.wood(generator, _colour(generator), 3))


def _plant(generator: Generator, floor: float) -> Block:
    half, top = generator.uniform(0.25, 0.45), generator.uniform(1.2, 1.9)
    return Block((-half, floor + 0.3, 0.0), (half, floor + top, 0.4), textures.leaves(generator))


def _door(generator: Generator, floor: float) -> Block:
    colour = textures.drawn_colour(generator, 0.15, (0.3, 0.8))
    return _standing(0.42, floor, 2.02, 0.04, textures.door(generator, colour))


def _curtain(generator: Generator, floor: float) -> Block:
    surface = textures.curtain(generator, _colour(generator))
    return _standing(generator.uniform(0.4, 0.8), floor, 2.3, 0.12, surface)


def _lamp(generator: Generator, floor: float) -> Block:
    light = np.array(textures.lamp_colour(generator.uniform(2500, 3200))) * generator.uniform(2, 6)
    surface = np.tile(np.float32(light), (2, 2, 1))
    return Block((-0.14, floor + 1.35, 0.3), (0.14, floor + 1.6, 0.6), surface, shines=True)


def _partition(generator: Generator, floor: float) -> Block:
    half, height, depth = generator.uniform((0.6, 1.1, 0.2), (0.9, 1.5, 1.0))
    return _standing(half, floor, height, depth, textures.cloth(generator, _colour(generator)))


def _whiteboard(generator: Generator, floor: float) -> Block:
    half, height = generator.uniform(0.4, 0.8), generator.uniform(0.7, 1.0)
    return _hanging(half, floor + 0.85, height, textures.writing(generator))


def _display(generator: Generator, floor: float) -> Block:
    surface = textures.screen(generator, generator.uniform(0.3, 0.8))
    return Block((-0.3, floor + 0.85, 0.0), (0.3, floor + 1.2, 0.9), surface, shines=True)


def _blinds(generator: Generator, floor: float) -> Block:
    surface = textures.blinds(textures.drawn_colour(generator, 0.15, (0.4, 0.8)))
    return _hanging(generator.uniform(0.5, 0.9), floor + 0.9, 1.2, surface)


def _window(generator: Generator, floor: float) -> Block:
    half, height = generator.uniform((0.35, 0.9), (0.8, 1.4))
    surface = textures.outdoors(generator, generator.uniform(1.5, 6.0))
    return Block((-half, floor + 0.9, 0.0), (half, floor + 0.9 + height, 0.02), surface, shines=True)


def _picture(generator: Generator, floor: float) -> Block:
    half = generator.uniform(0.15, 0.4)
    return _hanging(
        half, floor + generator.uniform(1.0, 1.5), half * generator.uniform(1.2, 2.4), textures.picture(generator)
    )


KINDS: dict[str, Callable[[Generator, float], Block]] = {
    "sofa": _sofa,
    "bed": _bed,
    "shelf": _shelf,
    "cupboard": _cupboard,
    "plant": _plant,
    "door": _door,
    "curtain": _curtain,
    "lamp": _lamp,
    "partition": _partition,
    "whiteboard": _whiteboard,
    "display": _display,
    "blinds": _blinds,
    "picture": _picture,
    "window": _window,
}
