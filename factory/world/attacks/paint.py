"""Paint on a head's texture coordinates: the colours of a person's skin and lips, and where brows and lids are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from factory.world.attacks.presentation import skin_of
from factory.world.people.face_map import Map, face_map, softened
from factory.world.people.figure import Figure
from factory.world.scene import Floats

SIDE = 512  # texels of a painted mask


def texture_of(figure: Figure, side: int = SIDE) -> Floats:
    """side, side, 3: the colour of a person's skin."""
    colour = np.asarray(skin_of(figure).material.colour, np.float32)
    if colour.ndim == 1:
        return np.asarray(np.broadcast_to(colour, (side, side, 3)))
    rows = (np.arange(side) * len(colour)) // side
    return np.asarray(colour[rows][:, rows])


def complexion(figure: Figure) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """3 and 3: mean colours of cheeks and lips."""
    where, colour = face_map(SIDE), texture_of(figure)
    cheeks = where.blob((0.04, -0.03, 0.02), (0.02, 0.02, 0.03)) > 0.3
    return colour[cheeks].mean(axis=0), colour[where.lips > 0.5].mean(axis=0)


def laid(image: Floats, colour: NDArray[np.floating], cover: Floats) -> Floats:
    """The image (H, W, 3) under a colour (3 or H, W, 3) that covers shares (H, W)."""
    return np.asarray(image + (colour - image) * np.clip(cover, 0, 1)[..., None], np.float32)


def brows(where: Map, height: float, thickness: float, arch: float) -> Floats:
    """side, side: painted brows, 0 to 1.

    Args:
        where: Of the texture.
        height: Metres above the eyes.
        thickness: Metres.
        arch: Metres by which their middle rises over their ends.
    """
    across, up, forward = np.abs(where.places[..., 0]), where.places[..., 1], where.places[..., 2]
    along = (across - 0.034) / 0.021  # -1 at the nose, 1 at the temple
    line = height + arch * (1 - (along - 0.25) ** 2) - 0.001 * along
    wide = thickness * np.clip(1.05 - 0.45 * along, 0.2, 1.4)
    mark = np.exp(-(((up - line) / (0.6 * wide)) ** 4)) * np.exp(-(np.abs(along) ** 8)) * (forward > -0.02)
    return softened(mark.astype(np.float32), len(mark) / 500)


def lids(where: Map) -> Floats:
    """side, side: the upper lids up to their crease, 0 to 1."""
    return where.blob((0.0315, 0.0085, 0.015), (0.016, 0.0055, 0.02))


def lash_lines(where: Map) -> Floats:
    """side, side: a line along the lids' edges and beyond the outer corners, 0 to 1."""
    across, up, forward = np.abs(where.places[..., 0]), where.places[..., 1], where.places[..., 2]
    ring = np.hypot((across - 0.0315) / 0.0150, (up + 0.0002) / 0.0062)
    edge = np.exp(-(((ring - 1.05) / 0.16) ** 2)) * np.where(up > -0.001, 1.0, 0.55)
    return np.asarray(edge * (forward > -0.015) * (np.abs(across - 0.0315) < 0.019), np.float32)
