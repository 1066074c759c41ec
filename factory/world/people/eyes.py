"""Eyes: balls with a cornea that bulges, irises of fibres, veined sclera, and the wet edge of the lids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from factory.world.people.ancestry import Ancestry
from factory.world.people.head import LEFT_EYE, RIGHT_EYE, base, mirrored
from factory.world.people.tubes import tube
from factory.world.scene import Colour, Floats, Material, Mesh

BROWN: Colour = (0.085, 0.036, 0.014)
DARK: Colour = (0.030, 0.013, 0.006)
HAZEL: Colour = (0.150, 0.085, 0.025)
AMBER: Colour = (0.150, 0.075, 0.022)
GREEN: Colour = (0.120, 0.130, 0.060)
BLUE: Colour = (0.105, 0.160, 0.215)
GREY: Colour = (0.180, 0.210, 0.225)
IRISES = (DARK, BROWN, HAZEL, GREEN, BLUE, GREY)
LIGHT_SHARES = (0.06, 0.34, 0.18, 0.12, 0.21, 0.09)  # among people of wholly caucasian ancestry
DARK_SHARES = (0.55, 0.42, 0.03, 0.0, 0.0, 0.0)
IRIS = 0.372  # radius of the iris as a share of the ball's
BULGE = 0.055  # height of the cornea over the ball's surface, the same way
FARTHEST = np.radians(105)  # from the eye's axis, to where the ball is made
SWELL = 1.004  # a hair larger than the targets' ball, so that lids touch it
ROWS, COLUMNS = 40, 56  # of the ball's mesh
TEXTURE = (128, 320)  # pixels away from the axis and around it
LOWER_LID = (3841, 3842, 3843, 3844, 3845, 3846, 3847, 3848, 4918, 3849)  # points of the left eye, outer corner first
LIDS = (3832, 3833, 3834, 3835, 3850, 3851, 3842, 3843, 3844, 3845, 3846, 3847, 3848)  # both edges
LID = 0.00045  # metres that they lie before the ball
INNER_CORNER = (3880, 3881, 3882)
TEAR = 0.00035  # metres


@dataclass(frozen=True)
class Eyes:
    """A person's eyes.

    Args:
        seed: Of the fibres and veins.
        iris: Colour of the iris away from the pupil.
        inner: Colour of the ring around the pupil.
        sclera: Colour of the white.
        size: Of the iris, relative to the usual.
        pupil: Its radius as a share of the iris's.
        redness: Of the veins, 0 to 1.
    """

    seed: int
    iris: Colour
    inner: Colour
    sclera: Colour
    size: float
    pupil: float
    redness: float

    @classmethod
    def drawn(cls, generator: np.random.Generator, age: float, ancestry: Ancestry) -> Eyes:
        """Eyes of somebody: brown for most ancestries, all colours for caucasian ones."""
        light = ancestry.caucasian**2
        shares = light * np.array(LIGHT_SHARES) + (1 - light) * np.array(DARK_SHARES)
        main = np.array(IRISES[generator.choice(len(IRISES), p=shares)])
        iris = main * generator.uniform(0.75, 1.35) * generator.uniform(0.92, 1.08, 3)
        ring = np.array(AMBER if generator.random() < 0.5 else HAZEL)
        inner = iris + generator.uniform(0.1, 0.6) * (np.minimum(ring, 2 * iris) - iris)
        yellow = 0.004 * max(age - 40, 0) / 10 + 0.05 * ancestry.african * generator.random()
        sclera = np.array([0.60, 0.56, 0.53]) * generator.uniform(0.88, 1.05) - np.array([0.0, 0.5, 1.5]) * yellow
        return cls(
            seed=int(generator.integers(2**32)),
            iris=_colour(iris),
            inner=_colour(inner),
            sclera=_colour(sclera),
            size=float(generator.uniform(0.95, 1.04)),
            pupil=float(np.clip(generator.normal(0.42 - 0.0015 * (age - 40), 0.06), 0.28, 0.6)),
            redness=float(generator.beta(2, 4)),
        )


def eyes(eyes: Eyes, points: Floats, gaze: tuple[float, float]) -> tuple[Mesh, ...]:
    """Balls, wet edges and inner corners.

    Args:
        eyes: Their colours.
        points: V, 3: the head's points, not turned.
        gaze: Degrees to the person's left and up.
    """
    wet = Material(colour=(0.42, 0.20, 0.17), roughness=0.12, specular=0.5)
    made = []
    for part in (RIGHT_EYE, LEFT_EYE):
        centre, radius = ball(points, part)
        centre = _seated(points, part, centre, radius * SWELL)
        look = Material(colour=_texture(eyes, part), roughness=0.07, specular=0.5)
        made.append(_ball(centre, radius * SWELL, eyes.size, _turned(gaze), look))
        made.append(_tear(points, part, centre, radius * SWELL, wet))
        made.append(_corner(points, part, radius, wet))
    return tuple(made)


def ball(points: Floats, part: int) -> tuple[NDArray[np.float64], float]:
    """Centre and radius of the sphere nearest to the points of an eye."""
    mesh = base()
    on = points[np.unique(mesh.quads[mesh.part == part])].astype(np.float64)
    middle = on.mean(axis=0)
    on = on - middle
    solved = np.linalg.lstsq(np.c_[2 * on, np.ones(len(on))], (on**2).sum(axis=1), rcond=None)[0]
    return solved[:3] + middle, float(np.sqrt(solved[3] + (solved[:3] ** 2).sum()))


def _seated(points: Floats, part: int, centre: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """The ball's centre, moved forwards or back until the lids lie on the ball, as not all targets keep them there."""
    edges = points[_of(LIDS, part)].astype(np.float64) - centre
    across = np.hypot(edges[:, 0], edges[:, 1])
    ahead = edges[:, 2] - np.sqrt(np.maximum(radius**2 - across**2, 0))
    return np.asarray(centre + np.array([0.0, 0.0, float(np.clip(np.median(ahead) - LID, -0.003, 0.003))]))


def _turned(gaze: tuple[float, float]) -> NDArray[np.float64]:
    left, up = np.radians(gaze)
    around_y = np.array([[np.cos(left), 0, np.sin(left)], [0, 1, 0], [-np.sin(left), 0, np.cos(left)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(up), np.sin(up)], [0, -np.sin(up), np.cos(up)]])
    return np.asarray(around_y @ around_x)


def _ball(
    centre: NDArray[np.float64], radius: float, size: float, turn: NDArray[np.float64], material: Material
) -> Mesh:
    """A grid of rows away from the axis and columns around it; v falls as the square root of the angle."""
    away = np.linspace(0, 1, ROWS) ** 1.5
    angle = FARTHEST * away
    around = np.linspace(0, 2 * np.pi, COLUMNS + 1)
    limbus = np.arcsin(IRIS * size) * 1.08
    height = 1 + BULGE * np.clip(1 - (angle / limbus) ** 2, 0, None) ** 1.5
    direction = np.stack(
        [
            np.sin(angle)[:, None] * np.cos(around),
            np.sin(angle)[:, None] * np.sin(around),
            np.broadcast_to(np.cos(angle)[:, None], (ROWS, COLUMNS + 1)),
        ],
        axis=-1,
    )
    points = centre + radius * (height[:, None, None] * direction).reshape(-1, 3) @ turn.T
    u = np.broadcast_to(around / (2 * np.pi), (ROWS, COLUMNS + 1))
    v = np.broadcast_to(1 - np.sqrt(away)[:, None], (ROWS, COLUMNS + 1))
    number = np.arange(ROWS * (COLUMNS + 1)).reshape(ROWS, COLUMNS + 1)
    one, two, three, four = (
        block.ravel() for block in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:])
    )
    triangles = np.concatenate([np.c_[one, two, three], np.c_[one, three, four]])
    uv = np.stack([u, v], axis=-1).reshape(-1, 2)
    return Mesh(points.astype(np.float32), triangles.astype(np.uint32), uv.astype(np.float32), material)


def _texture(eyes: Eyes, part: int) -> Floats:
    """Reflectance: rows away from the axis (by the square root of the angle), columns around it from the left."""
    generator = np.random.default_rng([eyes.seed, part])
    rows, columns = TEXTURE
    angle = FARTHEST * ((np.arange(rows) + 0.5) / rows) ** 2
    away = np.sin(np.minimum(angle, np.pi / 2))[:, None] / (IRIS * eyes.size)  # 1 at the limbus
    around = 2 * np.pi * (np.arange(columns) + 0.5)[None] / columns
    image = _sclera(eyes, angle[:, None], around, generator)
    limbus = _step(away, 1.0, 0.07)[..., None]
    image = image * limbus + _iris(eyes, away, around, generator) * (1 - limbus)
    wobble = 0.01 * np.sin(around * 3 + generator.uniform(0, 6))
    pupil = _step(away, eyes.pupil + wobble, 0.03)[..., None]
    return np.asarray(image * pupil + 0.002 * (1 - pupil), np.float32)


def _iris(
    eyes: Eyes, away: NDArray[np.float64], around: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    fibres = np.zeros(np.broadcast_shapes(away.shape, around.shape))
    for waves in (9, 17, 31, 47, 71):
        phase, bend = generator.uniform(0, 2 * np.pi), generator.normal(0, 1.5)
        fibres += np.sin(waves * around + phase + bend * away + 1.5 * np.sin(5 * away + phase))
    fibres = np.exp(0.16 * fibres)[..., None]
    collarette = eyes.pupil + 0.22 + 0.05 * np.sin(7 * around + generator.uniform(0, 6))
    outside = _step(away, collarette, 0.18)[..., None]
    colour = np.array(eyes.inner) * (1 - outside) + np.array(eyes.iris) * outside
    ring = 1 - 0.75 * _step(away, 0.90, 0.10)[..., None]
    return np.asarray(colour * fibres * ring)


def _sclera(
    eyes: Eyes, angle: NDArray[np.float64], around: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """White at the iris, pinker with the angle and to the corners, with veins that run in from there."""
    corner = np.abs(np.cos(around)) ** 1.5
    pink = np.clip((angle - 0.45) / 0.7, 0, 1) ** 1.3 * (0.35 + 0.65 * corner)
    image = np.array(eyes.sclera) * (1 - pink[..., None] * np.array([0.12, 0.48, 0.50]))
    veins = np.ones(image.shape[:2])
    rows, columns = veins.shape
    for _ in range(int(10 + 26 * eyes.redness)):
        side = generator.choice([0.0, 0.5]) + generator.normal(0, 0.06)
        column, row = side * columns, float(rows - 1)
        slope, end = generator.normal(0, 0.3), rows * generator.uniform(0.55, 0.8)
        strength = generator.uniform(0.1, 0.35) * (0.5 + eyes.redness)
        while row > end:
            fade = (row - end) / (rows - end)
            veins[int(row), int(column) % columns] *= 1 - strength * min(1.0, 2 * fade)
            slope = 0.9 * slope + generator.normal(0, 0.25)
            row, column = row - 0.7, column + slope
    return np.asarray(image * np.stack([veins**0.25, veins, veins**0.9], axis=-1))


def _tear(points: Floats, part: int, centre: NDArray[np.float64], radius: float, material: Material) -> Mesh:
    """The film that stands along the lower lid's edge."""
    edge = points[_of(LOWER_LID, part)].astype(np.float64)
    across = edge - centre
    length = np.linalg.norm(across, axis=1, keepdims=True)
    line = centre + across / length * np.maximum(radius, length - TEAR)
    return tube(line, np.full(len(line), TEAR), material)


def _corner(points: Floats, part: int, radius: float, material: Material) -> Mesh:
    """The caruncle: a small wet swelling in the inner corner."""
    middle = points[_of(INNER_CORNER, part)].astype(np.float64).mean(axis=0)
    along = np.array([1.0 if part == RIGHT_EYE else -1.0, -0.25, 0.35]) * 0.11 * radius
    steps = np.linspace(-1, 1, 7)[:, None]
    return tube(middle + along * steps, 0.075 * radius * np.sqrt(1.05 - steps[:, 0] ** 2), material)


def _of(left: tuple[int, ...], part: int) -> NDArray[np.int64]:
    numbers = np.array(left)
    return numbers if part == LEFT_EYE else mirrored()[numbers]


def _step(value: NDArray[np.float64], middle: float | NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """0 below, 1 above, smooth over the width."""
    share = np.clip((value - middle) / width + 0.5, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def _colour(values: NDArray[np.float64]) -> Colour:
    red, green, blue = (float(value) for value in np.clip(values, 0.003, 0.9))
    return red, green, blue
