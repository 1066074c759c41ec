"""What a camera's photosites make of a display's subpixels: brightness and colour that beat between two grids.

A rendered pixel averages over many photosites of the camera that recorded it, and over even more subpixels; their
interference is computed here, at places of the display, and is multiplied into what it sends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from factory.world.scene import Floats

HARMONICS = 3
HIDDEN = 0.5  # bars that a lens's blur (standard deviation) is wide: it leaves 1 % of their contrast
STRIPE, ROW = 0.30, 0.82  # shares of a display's pixel that a subpixel fills sideways and upwards
GRIDS = (2.0, 1.0, 2.0)  # photosites from one red, green, blue photosite to the next of a Bayer sensor


@dataclass(frozen=True)
class Photosites:
    """The camera's grid, as it falls on the display.

    Args:
        pitch: Metres on the display between neighbouring photosites, where the face is.
        turn: Radians of the grid against the display.
        closer: Relative change of the pitch over a metre to the right and a metre up: the display is tilted.
        blur: Of the lens, in photosites (standard deviation).
    """

    pitch: float
    turn: float
    closer: tuple[float, float]
    blur: float


def beats(places: NDArray[np.float64], pixel: float, photosites: Photosites) -> Floats:
    """What the photosite next to each place of a display sees, against what the display sends on average.

    Args:
        places: H, W, 2: metres on the display.
        pixel: Metres from one pixel of the display to the next.
        photosites: What records it.

    Returns:
        H, W, 3: factors with mean 1.
    """
    s, t = places[..., 0], places[..., 1]
    near = 1 + s * photosites.closer[0] + t * photosites.closer[1]
    cos, sin = np.cos(photosites.turn), np.sin(photosites.turn)
    seen = np.empty((*s.shape, 3), np.float32)
    for channel, grid in enumerate(GRIDS):
        step = grid * photosites.pitch * near
        across, up = (s * cos + t * sin) / step, (t * cos - s * sin) / step
        off_across, off_up = (np.round(across) - across) * step, (np.round(up) - up) * step
        column = (s + off_across * cos - off_up * sin) / pixel - (channel + 0.5) / 3
        row = (t + off_across * sin + off_up * cos) / pixel
        width = photosites.pitch * near / pixel  # of a photosite, in pixels of the display
        seen[..., channel] = _profile(column, STRIPE, width, photosites.blur) * _profile(
            row, ROW, width, photosites.blur
        )
    return np.maximum(seen, 0)


def _profile(at: NDArray[np.float64], fill: float, width: NDArray[np.float64], blur: float) -> Floats:
    """A row of bars `fill` wide at every whole number, seen through a lens by photosites of a width."""
    turn = np.asarray(2 * np.pi * (at - np.round(at)), np.float32)
    wide = np.asarray(width, np.float32)
    total = np.ones_like(turn)
    for order in range(1, HARMONICS + 1):
        if order * blur * wide.min() > HIDDEN:
            break
        passed = np.sinc(order * fill) * np.sinc(order * wide) * np.exp(-2 * (np.pi * order * blur * wide) ** 2)
        total += 2 * passed * np.cos(order * turn)
    return total
