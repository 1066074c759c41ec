"""Surfaces of rooms as small pictures: reflectance (H, W, 3), or with a fourth channel that is 0 where nothing is."""

from __future__ import annotations

import numpy as np

from factory.world.capture.filters import blurred, resized
from factory.world.scene import Colour, Floats


def lamp_colour(kelvin: float) -> Colour:
    """Linear sRGB of a black body by Planck's law at the primaries' wavelengths; 6500 K is white, green is 1."""
    metres = np.array([612e-9, 549e-9, 465e-9])
    power, white = (1 / np.expm1(0.014388 / metres / warmth) for warmth in (kelvin, 6500.0))
    red, green, blue = power / white
    return float(red / green), 1.0, float(blue / green)


def drawn_colour(generator: np.random.Generator, saturation: float, brightness: tuple[float, float]) -> Floats:
    """3: a reflectance of any hue, mostly pale, up to a saturation, in a range of brightness."""
    hue = generator.uniform(0, 2 * np.pi) + np.array([0, 2, 4]) * np.pi / 3
    value = generator.uniform(*brightness) * (1 + saturation * generator.uniform() ** 2 * np.cos(hue))
    return np.asarray(np.clip(value, 0.02, 0.9), np.float32)


def clouds(generator: np.random.Generator, height: int, width: int, octaves: int = 4) -> Floats:
    """H, W around 0, standard deviation about 1: noise with more of the coarse than of the fine."""
    total = np.zeros((height, width, 1), np.float32)
    for octave in range(octaves):
        coarse = (max(2, height * 2**octave // 32), max(2, width * 2**octave // 32), 1)
        total += resized(generator.standard_normal(coarse, dtype=np.float32), height, width) / 2**octave
    return total[..., 0]


def paint(generator: np.random.Generator, colour: Floats) -> Floats:
    """A painted wall, a little uneven."""
    return colour * (1 + 0.025 * clouds(generator, 64, 64)[..., None])


def wood(generator: np.random.Generator, colour: Floats, boards: int) -> Floats:
    """Boards with grain along their length."""
    grain = resized(generator.standard_normal((96, 6, 1), dtype=np.float32), 96, 96)[..., 0]
    shade = np.repeat(generator.uniform(0.75, 1.15, boards), -(-96 // boards))[:96, None]
    image = colour * (shade * (1 + 0.12 * grain))[..., None].astype(np.float32)
    image[:: max(96 // boards, 2)] *= 0.45
    return np.clip(image, 0.01, 0.9)


def shelves(generator: np.random.Generator) -> Floats:
    """Rows of books and things on boards."""
    rows, height, width = int(generator.integers(3, 6)), 160, 120
    image = np.tile(drawn_colour(generator, 0.3, (0.06, 0.5)), (height, width, 1))
    pitch = height // rows
    for row in range(rows):
        top, x = row * pitch + 4, 3
        image[top : row * pitch + pitch - 2, 2:-2] *= 0.35
        while x < width - 6:
            wide, tall = int(generator.integers(3, 9)), generator.uniform(0.5, 0.95)
            if generator.random() < 0.86:
                colour = drawn_colour(generator, 0.65, (0.08, 0.6))
                upper = row * pitch + pitch - 2 - int(tall * (pitch - 7))
                image[upper : row * pitch + pitch - 2, x : x + wide - 1] = colour
                image[upper + 3 : upper + 6, x : x + wide - 1] *= generator.uniform(0.6, 1.5)
            x += wide
    return np.clip(image, 0.02, 0.85)


def picture(generator: np.random.Generator) -> Floats:
    """A framed picture: a landscape, bands or shapes on a mat."""
    side = 64
    y, x = np.mgrid[0:1:64j, 0:1:64j].astype(np.float32)
    kind = generator.random()
    if kind < 0.4:
        line = 0.55 + 0.12 * clouds(generator, 1, side, 3)[0]
        sky, land = drawn_colour(generator, 0.6, (0.3, 0.7)), drawn_colour(generator, 0.7, (0.08, 0.35))
        image = np.where((y > line)[..., None], land, sky * (1.1 - 0.5 * y[..., None]))
    elif kind < 0.7:
        field = clouds(generator, side, side, 3)
        colours = np.stack([drawn_colour(generator, 0.65, (0.1, 0.7)) for _ in range(4)])
        image = colours[np.clip(np.floor(field + 2), 0, 3).astype(int)]
    else:
        image = np.tile(drawn_colour(generator, 0.4, (0.3, 0.8)), (side, side, 1))
        for _ in range(int(generator.integers(2, 6))):
            place, reach = generator.uniform(0.2, 0.8, 2), generator.uniform(0.08, 0.3)
            image[(x - place[0]) ** 2 + (y - place[1]) ** 2 < reach**2] = drawn_colour(generator, 0.65, (0.05, 0.7))
    if generator.random() < 0.6:
        image[:8], image[-8:], image[:, :8], image[:, -8:] = (0.75,) * 4
    frame = drawn_colour(generator, 0.3, (0.03, 0.5))
    image[:3], image[-3:], image[:, :3], image[:, -3:] = (frame,) * 4
    return np.asarray(image, np.float32)


def curtain(generator: np.random.Generator, colour: Floats) -> Floats:
    """Cloth in folds."""
    x = np.linspace(0, 1, 128) + 0.02 * clouds(generator, 1, 128, 3)[0]
    folds = 0.75 + 0.25 * np.cos(2 * np.pi * generator.integers(6, 14) * x)
    return np.asarray(np.broadcast_to(colour * folds[None, :, None].astype(np.float32), (32, 128, 3)))


def cloth(generator: np.random.Generator, colour: Floats) -> Floats:
    """Upholstery: seams between cushions, worn unevenly."""
    image = colour * (1 + 0.08 * clouds(generator, 64, 96)[..., None])
    for seam in range(0, 96, 96 // int(generator.integers(2, 4))):
        image[:, max(seam - 1, 0) : seam + 2] *= 0.5
    image[:3] *= 1.2
    return np.clip(image, 0.02, 0.9)


def leaves(generator: np.random.Generator) -> Floats:
    """H, W, 4: a plant with gaps."""
    y, x = np.mgrid[0:1:96j, 0:1:96j].astype(np.float32)
    image = np.zeros((96, 96, 4), np.float32)
    for _ in range(60):
        angle, length = generator.uniform(-1.4, 1.4), generator.uniform(0.1, 0.45)
        stem, wide = np.array([0.5, 0.95]), generator.uniform(0.025, 0.05)
        middle = stem + np.array([np.sin(angle), -np.cos(angle) * 1.3]) * length
        turn = angle + generator.normal(0, 0.5)
        along = (x - middle[0]) * np.sin(turn) - (y - middle[1]) * np.cos(turn)
        across = (x - middle[0]) * np.cos(turn) + (y - middle[1]) * np.sin(turn)
        leaf = (along / 0.14) ** 2 + (across / wide) ** 2 < 1
        image[leaf, :3] = np.array([0.08, 0.2, 0.05]) * generator.uniform(0.4, 1.7)
        image[leaf, 3] = 1
    return image


def door(generator: np.random.Generator, colour: Floats) -> Floats:
    """Panels in a frame, and a handle."""
    image = np.tile(colour, (128, 56, 1))
    image[:4] = image[:, :4] = image[:, -4:] = colour * 0.8
    for top, bottom in ((12, 58), (68, 118)):
        image[top:bottom, 12:-12] *= 0.82
        image[top + 2 : bottom - 2, 14:-14] *= 1.15
    image[64:67, 6:12] = generator.uniform(0.2, 0.7)
    return np.clip(image, 0.02, 0.9)


def outdoors(generator: np.random.Generator, radiance: float) -> Floats:
    """The window's own light: sky, trees or houses, bars of the frame."""
    y = np.broadcast_to(np.linspace(0, 1, 96, dtype=np.float32)[:, None], (96, 96))
    overcast = generator.random()
    sky = overcast * np.array([1.0, 1.0, 1.02]) + (1 - overcast) * np.array([0.75, 0.95, 1.3])
    image = radiance * sky * (1.05 - 0.25 * y[..., None])
    line = generator.uniform(0.55, 0.85) + 0.06 * clouds(generator, 1, 96, 4)[0]
    ground = np.array([0.3, 0.42, 0.2]) if generator.random() < 0.5 else np.array([0.5, 0.46, 0.42])
    image = np.where(
        (y > line)[..., None], 0.5 * radiance * ground * (1 + 0.2 * clouds(generator, 96, 96)[..., None]), image
    )
    for bar in np.linspace(0, 96, int(generator.integers(2, 4)) + 1)[:-1]:
        image[:, max(int(bar) - 2, 0) : int(bar) + 3] = 0.03 * radiance
    image[:4], image[-4:], image[:, -4:] = (0.03 * radiance,) * 3
    if generator.random() < 0.5:
        image[46:50] = 0.03 * radiance
    return np.asarray(np.maximum(image, 0), np.float32)


def tiles(generator: np.random.Generator, colour: Floats) -> Floats:
    """A ceiling or floor of tiles."""
    image = np.tile(colour, (160, 160, 1)) * (1 + 0.02 * clouds(generator, 160, 160)[..., None])
    image[::20] *= 0.7
    image[:, ::20] *= 0.7
    return np.asarray(image, np.float32)


def blinds(colour: Floats) -> Floats:
    """Horizontal slats."""
    slats = 0.6 + 0.4 * (np.arange(120) % 6 > 1)
    return np.asarray(np.broadcast_to(colour * slats[:, None, None].astype(np.float32), (120, 16, 3)))


def screen(generator: np.random.Generator, radiance: float) -> Floats:
    """A display that is on: windows with text on a desktop."""
    image = np.tile(drawn_colour(generator, 0.6, (0.05, 0.4)), (60, 100, 1))
    for _ in range(3):
        top, left = generator.integers(2, 25), generator.integers(2, 45)
        image[top : top + 30, left : left + 48] = generator.choice([0.06, 0.85])
        image[top + 4 : top + 26 : 3, left + 4 : left + 4 + generator.integers(10, 40)] = generator.uniform(0.2, 0.6)
    return blurred(image * np.float32(radiance), 0.5)


def writing(generator: np.random.Generator) -> Floats:
    """A whiteboard with lines of writing."""
    image = np.full((40, 60, 3), 0.75, np.float32)
    image[:1], image[-1:], image[:, :1], image[:, -1:] = (0.35,) * 4
    for row in range(6, 36, int(generator.integers(4, 8))):
        left, length = generator.integers(4, 20), generator.integers(8, 36)
        image[row : row + 2, left : left + length] = drawn_colour(generator, 0.9, (0.1, 0.25))
    return image
