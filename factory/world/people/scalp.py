"""The scalp: where hair grows, by rule around the forehead, the temples, the ears and the nape of the base mesh."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from factory.world.people.envelope import MIDDLE
from factory.world.people.head import BODY, base
from factory.world.people.roots import Density, ears
from factory.world.scene import Floats

# The hairline: degrees to either side of straight ahead, seen from the skull's middle, and metres above the eyes.
AROUND = np.array([0, 14, 26, 34, 42, 48, 53, 57, 60, 67, 70, 76, 86, 92, 100, 120, 150, 180.0])
HEIGHT = np.array([64, 66, 68, 69, 64, 54, 38, 4, -22, -22, 4, 14, 12, -18, -46, -66, -72, -74.0]) / 1000
SOFT = 0.007  # metres over which the hairline fades
SIDE = 256  # of the scalp's picture over the texture coordinates


def scalp(receding: float, thinning: float, peak: float, seed: int) -> Density:
    """How densely hair grows at places on the base mesh (N, 3): 0 to 1.

    Args:
        receding: 0 is a young hairline, 1 leaves a wreath above the ears.
        thinning: Share of the crown's hair that is gone.
        peak: Metres that the middle of the hairline lies lower: a widow's peak.
        seed: Of the hairline's small irregularities.
    """
    waves = np.random.default_rng(seed).uniform(-1, 1, (3, 2))

    def density(places: Floats) -> Floats:
        away = places - MIDDLE
        around = np.degrees(np.abs(np.arctan2(away[:, 0], away[:, 2])))
        line = np.interp(around, AROUND, HEIGHT)
        line -= peak * np.exp(-((around / 9) ** 2))
        side = np.sign(away[:, 0])
        line += 0.0015 * sum(
            amplitude * np.sin(around * (3 + number) / 9 + side + 6 * phase)
            for number, (amplitude, phase) in enumerate(waves)
        )
        back = receding * (
            0.035 * np.exp(-(((around - 33) / 16) ** 2)) + 0.03 * np.exp(-((around / 25) ** 4)) * receding
        )
        front = np.clip((line + back - places[:, 1]) / -SOFT + 0.5, 0, 1)
        bare = np.clip(1.6 * (receding - 0.55), 0, 1) * np.clip((places[:, 1] - 0.045) / 0.02, 0, 1)
        crown = np.linalg.norm((places - [0, 0.105, -0.125]) / [1, 1, 1.2], axis=1)
        bare = np.maximum(bare, thinning * np.clip(1.6 - crown / 0.045, 0, 1))
        return np.asarray(front * (1 - bare) * (_ear(places) < 0.5), np.float32)

    return density


def _ear(places: Floats) -> NDArray[np.bool_]:
    """Whether places lie on an ear or in its fold."""
    low, high = _ear_box()
    mirrored = np.abs(places * [1, 0, 0]) + places * [0, 1, 1]
    return np.asarray(((mirrored > low) & (mirrored < high)).all(axis=1))


@cache
def _ear_box() -> tuple[Floats, Floats]:
    ear = base().points[ears()[:, 0] > 0.5]
    ear[:, 0] = np.abs(ear[:, 0])
    # the targets move some of the cheek too
    low, high = ear.min(axis=0) + [0.016, 0, 0], ear.max(axis=0) - [0, 0.008, 0.008]
    return low, high


@cache
def places_on_picture(side: int = SIDE) -> tuple[NDArray[np.int64], Floats]:
    """Pixels (N: row times side plus column) of the body's texture over the head, and their places (N, 3)."""
    mesh = base()
    of_body = mesh.part == BODY
    quads, quads_uv = mesh.quads[of_body].astype(np.int64), mesh.quads_uv[of_body].astype(np.int64)
    skull = (mesh.points[quads][:, :, 1] > -0.14).all(1) & (np.abs(mesh.points[quads][:, :, 0]) < 0.09).all(1)
    quads, quads_uv = quads[skull], quads_uv[skull]
    steps = (np.arange(12) + 0.5) / 12
    across, along = (grid.ravel() for grid in np.meshgrid(steps, steps))
    weights = np.stack([(1 - across) * (1 - along), across * (1 - along), across * along, (1 - across) * along], 1)
    uv = np.einsum("sk,qkc->qsc", weights, mesh.uv[quads_uv]).reshape(-1, 2)
    places = np.einsum("sk,qkc->qsc", weights, mesh.points[quads]).reshape(-1, 3)
    column = np.clip((uv[:, 0] * side).astype(np.int64), 0, side - 1)
    row = np.clip(((1 - uv[:, 1]) * side).astype(np.int64), 0, side - 1)
    pixel, first = np.unique(row * side + column, return_index=True)
    return pixel, np.asarray(places[first], np.float32)


def picture(density: Density, side: int = SIDE) -> Floats:
    """side, side: the density over the body's texture coordinates, 0 where there is no head."""
    pixel, places = places_on_picture(side)
    image = np.zeros(side * side, np.float32)
    image[pixel] = density(places)
    return image.reshape(side, side)
