"""What a life draws on a face: lines, folds, freckles, moles and spots, each an image of where it lies.

Coordinates are fractions of the texture's side: x to the person's left, y down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from factory.world.scene import Floats

Path = tuple[tuple[float, float], ...]

# Of the person's left half; the other half mirrors them at x = 0.5.
CROW_FEET: tuple[Path, ...] = (
    ((0.688, 0.545), (0.706, 0.533), (0.728, 0.518)),
    ((0.692, 0.553), (0.712, 0.549), (0.738, 0.543)),
    ((0.690, 0.561), (0.712, 0.566), (0.735, 0.574)),
    ((0.684, 0.569), (0.704, 0.582), (0.722, 0.600)),
)
UNDER_EYES: tuple[Path, ...] = (
    ((0.575, 0.566), (0.597, 0.584), (0.628, 0.590), (0.660, 0.584)),
    ((0.566, 0.574), (0.585, 0.597), (0.612, 0.610), (0.640, 0.611)),
)
FROWN: tuple[Path, ...] = (
    ((0.519, 0.550), (0.522, 0.530), (0.519, 0.508)),
    ((0.532, 0.541), (0.538, 0.520), (0.537, 0.502)),
)
SMILE: Path = ((0.585, 0.684), (0.607, 0.706), (0.626, 0.736), (0.638, 0.770))
SULK: Path = ((0.632, 0.800), (0.644, 0.828), (0.643, 0.858))
CHIN: Path = ((0.500, 0.877), (0.530, 0.878), (0.553, 0.886))
LIP_EDGE: tuple[Path, ...] = (
    ((0.512, 0.722), (0.514, 0.735)),
    ((0.534, 0.718), (0.536, 0.731)),
    ((0.556, 0.721), (0.558, 0.734)),
    ((0.577, 0.729), (0.577, 0.742)),
    ((0.597, 0.738), (0.595, 0.751)),
)
FOREHEAD = (0.405, 0.432, 0.459)


def fine_lines(generator: np.random.Generator, side: int, age: float) -> Floats:
    """side, side: 0 to 1: depth of lines about the eyes, on the forehead and between the brows; age 0 is none."""
    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)
    for paths, strength in ((CROW_FEET, 0.8), (UNDER_EYES, 0.6), (FROWN, 0.7), (LIP_EDGE, 0.5 * age)):
        for path in paths:
            for mirrored in (False, True):
                depth = strength * age * generator.uniform(0.4, 1.2)
                _line(draw, _moved(path, generator, mirrored), depth, 1.5, side)
    for height in FOREHEAD:
        middle = height + generator.normal(0, 0.004)
        bow, width = generator.uniform(-0.012, 0.004), generator.uniform(0.09, 0.14)
        x = np.linspace(-width, width, 14)
        y = middle + bow * (1 - (x / width) ** 2) + np.cumsum(generator.normal(0, 0.0008, 14))
        path = tuple(zip(0.5 + x, y, strict=True))
        _line(draw, path, age * generator.uniform(0.3, 1.1), 2.0, side)
    return _blurred(image, side / 1024)


def folds(generator: np.random.Generator, side: int, age: float) -> Floats:
    """side, side: 0 to 1: the wide folds from nose to mouth, below the mouth's corners and under the eyes."""
    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)
    for path, strength, start in ((SMILE, 1.0, 0.25), (SULK, 0.8, 0.0), (CHIN, 0.5, 0.2), (UNDER_EYES[1], 0.7, 0.2)):
        for mirrored in (False, True):
            depth = strength * (start + (1 - start) * age) * generator.uniform(0.6, 1.1)
            _line(draw, _moved(path, generator, mirrored), depth, 5.0, side)
    return _blurred(image, 4 * side / 1024)


def spots(
    generator: np.random.Generator, side: int, number: int, size: tuple[float, float], where: tuple[float, ...]
) -> Floats:
    """side, side: 0 to 1: round marks.

    Args:
        generator: Of places, sizes and depths.
        side: Texels.
        number: How many.
        size: Smallest and largest radius, as fractions of the side.
        where: Mean and standard deviation, across and down: (x, y, spread of x, spread of y).
    """
    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)
    x, y, spread_x, spread_y = where
    for _ in range(number):
        across, down = generator.normal(x, spread_x), generator.normal(y, spread_y)
        radius = size[0] * (size[1] / size[0]) ** generator.uniform() ** 1.5
        flat = radius * generator.uniform(0.7, 1.0)
        shade = int(255 * generator.uniform(0.35, 1.0))
        box = (across - radius, down - flat, across + radius, down + flat)
        if radius * side < 1.2:  # smaller than what can be drawn: fainter instead
            shade = int(shade * (radius * side / 1.2) ** 2)
        draw.ellipse([side * value for value in box], fill=shade)
    return _blurred(image, 0.9 * side / 1024)


def _moved(path: Path, generator: np.random.Generator, mirrored: bool) -> Path:
    """The path, a little elsewhere."""
    shift = generator.normal(0, 0.0025, 2)
    moved = np.array(path) + shift + generator.normal(0, 0.0008, (len(path), 2))
    if mirrored:
        moved[:, 0] = 1 - moved[:, 0]
    return tuple((float(x), float(y)) for x, y in moved)


def _line(draw: ImageDraw.ImageDraw, path: Path, depth: float, width: float, side: int) -> None:
    """A curve through the path that fades at its ends; width in texels of a side of 1024."""
    points = np.array(path) * side
    at = np.linspace(0, len(points) - 1, 8 * len(points))
    x, y = (_smooth(points[:, axis], at) for axis in (0, 1))
    fade = np.sin(np.linspace(0, np.pi, len(at))) ** 0.6
    thick = max(1, round(width * side / 1024))
    for number in range(len(at) - 1):
        shade = int(255 * np.clip(depth * fade[number], 0, 1))
        draw.line([x[number], y[number], x[number + 1], y[number + 1]], fill=shade, width=thick)


def _smooth(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """A Catmull-Rom spline through the values, at fractions of their numbers."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    start = np.minimum(at.astype(int), len(values) - 2)
    a, b, c, d = (padded[start + step] for step in range(4))
    t = at - start
    curve = b + t * ((c - a) / 2 + t * (a - 2.5 * b + 2 * c - d / 2 + t * (1.5 * (b - c) + (d - a) / 2)))
    return np.asarray(curve, np.float64)


def _blurred(image: Image.Image, radius: float) -> Floats:
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32) / np.float32(255)
