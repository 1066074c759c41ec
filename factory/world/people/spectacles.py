"""Spectacles: a frame of tubes, and thin glasses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from factory.world.people.eyes import ball
from factory.world.people.head import LEFT_EYE, RIGHT_EYE
from factory.world.people.tubes import tube
from factory.world.scene import Colour, Floats, Material, Mesh

METALS: tuple[Colour, ...] = ((0.56, 0.55, 0.53), (0.70, 0.50, 0.24), (0.12, 0.12, 0.13), (0.62, 0.40, 0.32))
PLASTICS: tuple[Colour, ...] = (
    (0.012, 0.012, 0.013),
    (0.05, 0.022, 0.010),
    (0.020, 0.025, 0.060),
    (0.12, 0.02, 0.025),
    (0.22, 0.22, 0.22),
    (0.16, 0.08, 0.03),
)
EAR = (5244, 5239)  # points of the left ear: where it is widest
BRIDGE = (294, 164)  # points of the nose's ridge, below and at the bridge
AROUND = 44  # points of a rim
NEAR = 0.004  # metres: what is so near beside a frame is behind it


@dataclass(frozen=True)
class Spectacles:
    """Frames and glasses.

    Args:
        metal: The frame is thin metal rather than plastic.
        colour: Of the frame.
        width: Of one glass, metres.
        height: Of one glass, metres.
        squareness: Exponent of the outline: 2 is an ellipse, 4 nearly a rectangle.
        thickness: Half that of the rim, metres.
        rim_below: The lower half has a rim too.
    """

    metal: bool
    colour: Colour
    width: float
    height: float
    squareness: float
    thickness: float
    rim_below: bool

    @classmethod
    def drawn(cls, generator: np.random.Generator, age: float) -> Spectacles | None:
        """Spectacles of somebody, or none: older people wear them more often."""
        if generator.random() > 0.06 + 0.003 * age:
            return None
        metal = bool(generator.random() < 0.45)
        colours = METALS if metal else PLASTICS
        width = float(generator.uniform(0.046, 0.054))
        return cls(
            metal=metal,
            colour=colours[int(generator.integers(len(colours)))],
            width=width,
            height=width * float(generator.uniform(0.62, 0.92)),
            squareness=float(generator.uniform(2.0, 3.6)),
            thickness=float(generator.uniform(0.0007, 0.0010) if metal else generator.uniform(0.0014, 0.0026)),
            rim_below=bool(not metal or generator.random() < 0.75),
        )


def spectacles(spectacles: Spectacles, points: Floats) -> tuple[Mesh, ...]:
    """Rims, bridge, temples and glasses on a head that is not turned (V, 3)."""
    roughness = 0.25 if spectacles.metal else 0.18
    frame = Material(colour=spectacles.colour, roughness=roughness, metallic=1.0 if spectacles.metal else 0.0)
    front = _front(points)
    made: list[Mesh] = []
    hinges = []
    for side in (-1.0, 1.0):
        outline = _outline(spectacles, front, side)
        thick = np.full(AROUND, spectacles.thickness)
        if spectacles.rim_below:
            made.append(tube(outline, thick, frame, closed=True, flat=np.array([0.0, 0.0, 1.0])))
        else:
            upper = np.arange(-1, AROUND // 2 + 2)  # a little below the middle on both sides
            made.append(tube(outline[upper], thick[upper], frame, flat=np.array([0.0, 0.0, 1.0])))
        made.append(_glass(outline))
        hinge = outline[0 if side > 0 else AROUND // 2] + np.array([side * spectacles.thickness, 0.006, 0.0])
        hinges.append(hinge)
        made.append(_temple(hinge, points, side, spectacles, frame))
    made.append(_bridge(spectacles, front, frame))
    return tuple(made)


def before(made: tuple[Mesh, ...], covering: Floats) -> tuple[Mesh, ...]:
    """Spectacles that slide forwards (along z) until rims and glasses clear what lies on the face (N, 3)."""
    front = np.concatenate([body.points for body in made])
    front = front[front[:, 2] > front[:, 2].max() - 0.02]  # without the temples
    lacking = 0.0
    for point in front[::4]:
        near = np.abs(covering[:, :2] - point[:2]).max(axis=1) < NEAR
        if near.any():
            lacking = max(lacking, float(covering[near, 2].max() - point[2]) + 0.001)
    return tuple(replace(body, points=body.points + np.array([0, 0, lacking], np.float32)) for body in made)


@dataclass(frozen=True)
class _Front:
    centre: NDArray[np.float64]  # between the glasses
    apart: float  # from one glass's centre to the other's


def _front(points: Floats) -> _Front:
    """Where the frame sits: before both eyes, on the nose."""
    right, _ = ball(points, RIGHT_EYE)
    left, radius = ball(points, LEFT_EYE)
    middle = (right + left) / 2
    depth = middle[2] + radius + 0.010
    depth = max(depth, float(points[BRIDGE[1]][2]) - 0.001)
    return _Front(np.array([middle[0], middle[1] - 0.004, depth]), float(left[0] - right[0]) + 0.002)


def _outline(spectacles: Spectacles, front: _Front, side: float) -> NDArray[np.float64]:
    """AROUND, 3: a rim, from the person's left round over the top."""
    angle = 2 * np.pi * np.arange(AROUND) / AROUND
    power = 2 / spectacles.squareness
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power * spectacles.width / 2
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power * spectacles.height / 2
    x = x * (1 + 0.10 * y / spectacles.height)  # narrower below
    room = max(front.apart / 2, spectacles.width / 2 + 0.008)
    place = front.centre + np.stack([side * room + x, y, np.zeros(AROUND)], axis=1)
    away = np.abs(place[:, 0] - front.centre[0])
    place[:, 2] += -1.6 * away**2 + 0.10 * y  # the front is curved and tilted
    return np.asarray(place)


def _glass(outline: NDArray[np.float64]) -> Mesh:
    count = len(outline)
    points = np.concatenate([outline, outline.mean(axis=0, keepdims=True)]).astype(np.float32)
    here = np.arange(count)
    triangles = np.c_[here, (here + 1) % count, np.full(count, count)].astype(np.uint32)
    return Mesh(points, triangles, np.zeros((count + 1, 2), np.float32), Material(glass=True), smooth=False)


def _bridge(spectacles: Spectacles, front: _Front, frame: Material) -> Mesh:
    room = max(front.apart / 2, spectacles.width / 2 + 0.008)
    inner = room - spectacles.width / 2
    steps = np.linspace(-1, 1, 9)
    height = 0.18 * spectacles.height + 0.0022 * (1 - steps**2)
    line = front.centre + np.stack([inner * steps, height, 0.0025 * (1 - steps**2)], axis=1)
    return tube(line, np.full(9, spectacles.thickness * 1.05), frame)


def _temple(hinge: NDArray[np.float64], points: Floats, side: float, spectacles: Spectacles, frame: Material) -> Mesh:
    """From the hinge back over the ear."""
    ear = points[EAR[0]].astype(np.float64)
    reach = np.array([hinge[0] + side * 0.004, hinge[1] - 0.001, hinge[2] - 0.006])
    over = np.array([side * (abs(ear[0]) - 0.011), float(ear[1]) + 0.004, float(ear[2]) + 0.004])
    behind = over + np.array([-side * 0.004, -0.03, -0.022])
    line = np.concatenate([hinge[None], np.linspace(reach, over, 8), behind[None]])
    thick = np.full(len(line), spectacles.thickness * (0.9 if spectacles.metal else 1.1))
    return tube(line, thick, frame, flat=np.array([0.0, 1.0, 0.0]))
