"""Aligned crops: a turn, a scale and a shift bring the five landmarks of a face as near as possible to a template."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from difffas.errors import UnreadableError
from factory.images import resize
from factory.sources.faces import MAX_LENGTH, WHOLE_SIDE

# Left and right eye, nose, left and right mouth corner (x, y), from the centre of the face box, in parts of its longer
# side: the mean of the medians of 71 NUAA frames and of 45 synthetic portraits, all nearly level, symmetric. [ours]
TEMPLATE = np.array([[-0.17, -0.108], [0.17, -0.108], [0.0, 0.079], [-0.145, 0.246], [0.145, 0.246]])
NOSE = 2  # its row in the template
BORDER = 3  # pixels around the square that the resampling may read


class Square(NamedTuple):
    """The square of an aligned crop, in an image: complex numbers x + iy, in pixels."""

    corner: complex  # the crop's upper left corner
    across: complex  # from there to the crop's upper right corner

    @property
    def degrees(self) -> float:
        """Degrees by which the face is turned clockwise, −180 to 180."""
        return math.degrees(math.atan2(self.across.imag, self.across.real))

    def place(self, share: complex) -> complex:
        """The point of the image that lies at these shares of the crop's side, to the right and down."""
        return self.corner + share * self.across


def aligned_square(points: np.ndarray, margin: float) -> Square | None:
    """The square whose crop shows the points, in pixels, nearest to `TEMPLATE`; None if none exists.

    The points are (5, 2), or (4, 2) without the nose.

    The least-squares similarity of Umeyama (TPAMI 1991) without reflection: in complex numbers w = a·z + b with
    a = Σ conj(z − z̄)·(w − w̄) / Σ |z − z̄|². The template's box takes 1/`margin` of the crop's side, as a face's box
    does in a crop that is not aligned.
    """
    template = TEMPLATE if len(points) == len(TEMPLATE) else np.delete(TEMPLATE, NOSE, axis=0)
    z, w = (part[:, 0] + 1j * part[:, 1] for part in (points, 0.5 + template / margin))
    spread = z - z.mean()
    size = float(np.sum(np.abs(spread) ** 2))
    a = complex(np.sum(np.conj(spread) * (w - w.mean())) / size) if 0 < size < math.inf else 0j
    if not abs(a) > 0:  # all points in one place, or mirrored so that no turn fits better than another
        return None
    return Square(complex(z.mean()) - complex(w.mean()) / a, 1 / a)


def cut_aligned(pixels: np.ndarray, square: Square, side: int, margin: float) -> np.ndarray:
    """The crop, uint8 (side, side, 3) from uint8 (H, W, 3); outside the frame the frame's edge pixels are repeated.

    The square is turned at the resolution of the image (bicubic) and then reduced by the filter of a crop that is not
    aligned (Lanczos), so reducing does not alias.

    Raises:
        UnreadableError: with the reasons of `faces.cut_square`.
    """
    height, width = pixels.shape[:2]
    centre, length = square.place(0.5 + 0.5j), abs(square.across)
    if not (0 <= centre.real <= width and 0 <= centre.imag <= height):
        raise UnreadableError("box outside the image")
    if length > 2 * margin * max(width, height):
        raise UnreadableError("box larger than the image")
    if length > MAX_LENGTH:
        raise UnreadableError("square too large")
    if length > WHOLE_SIDE:  # more than is kept: whole pixels are averaged first
        step = math.ceil(length / WHOLE_SIDE)
        pixels = np.asarray(Image.fromarray(pixels).reduce(step))
        square, length = Square(square.corner / step, square.across / step), length / step
    patch, left, top = _around(pixels, square)
    fine = max(side, round(length))
    step_right = square.across / fine  # one pixel of the fine square to the right; down is the same, turned by 90°
    start = square.corner - complex(left, top)
    turn = (step_right.real, -step_right.imag, start.real, step_right.imag, step_right.real, start.imag)
    turned = Image.fromarray(patch).transform((fine, fine), Image.Transform.AFFINE, turn, Image.Resampling.BICUBIC)
    return resize(np.asarray(turned), side)


def _around(pixels: np.ndarray, square: Square) -> tuple[np.ndarray, int, int]:
    """The part of an image around a square, with edge pixels repeated, and its left and upper edge."""
    corners = [square.place(share) for share in (0, 1, 1j, 1 + 1j)]
    xs, ys = [corner.real for corner in corners], [corner.imag for corner in corners]
    left, top = math.floor(min(xs)) - BORDER, math.floor(min(ys)) - BORDER
    columns = np.arange(left, math.ceil(max(xs)) + BORDER).clip(0, pixels.shape[1] - 1)
    rows = np.arange(top, math.ceil(max(ys)) + BORDER).clip(0, pixels.shape[0] - 1)
    return pixels[rows[:, None], columns], left, top
