"""Which face of an image is cut out, turned upright if asked for, and the reasons to reject it."""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from factory.corpus.detected import Detected
from factory.prepare.config import PrepareConfig
from factory.sources.aligned import Square, aligned_square
from factory.sources.faces import Box, cut_square
from factory.sources.retinaface import Detector, Face

NO_FACE, SEVERAL, SMALL, DARK, COVERED = (
    "no face", "several faces", "face too small", "face too dark", "face covered",
)  # fmt: skip
# Luma, of 255, below which lies the brightest twentieth of a face (or of a whole image without a face). [ours]
DARKEST = 32.0
PLAINEST = 0.02  # structure of an eye or the mouth, in parts of the face's contrast: a cover has less. [ours]
LUMA = np.array([0.299, 0.587, 0.114])
LOOKED_AT = 64  # about the longer side, in pixels, of the box of which brightness and contrast are measured
AROUND = 0.22  # half the side of the square around an eye or the mouth, in distances of eyes and mouth
MOST_ROLL = 60.0  # degrees; a face turned by more is nearer to upright after another quarter turn
LEAST_TURN = 2.0  # degrees: a face turned by less is left as it is, since turning blurs a little
TURN_MARGIN, TURN_SIDE = 2.5, 2048  # the square that is turned: its side in parts of the box's, and in pixels at most


@dataclasses.dataclass(frozen=True)
class Choice:
    """The face to cut out: the image, turned upright if asked for, the box in it, and what is known about the face.

    `detected` is empty if no detector looked; `reject` is the reason not to take the face; `square` is that of an
    aligned crop, in the image.
    """

    pixels: np.ndarray
    box: Box
    detected: Detected
    reject: str | None = None
    square: Square | None = None


def choose(pixels: np.ndarray, detect: Detector, config: PrepareConfig) -> Choice:
    """Return the largest face of an image, uint8 (H, W, 3), with the reason to reject it, if any.

    Whether a face is covered says only `contrast`: see `covered`.
    """
    quarter, faces = _upright(pixels, detect) if config.upright else (0, detect(pixels))
    if not faces:
        step = max(1, max(pixels.shape[:2]) // LOOKED_AT)
        dark = np.percentile(pixels[::step, ::step] @ LUMA, 95) < DARKEST
        return Choice(pixels, Box(0, 0, 1, 1), {"faces": 0}, DARK if dark and config.reject_unclear else NO_FACE)
    face = faces[0]
    box = _turned_back(face.box, quarter, *pixels.shape[:2])
    turned, upright = np.rot90(pixels, quarter), face
    degrees, square = 90.0 * quarter, None
    if config.align:  # turns the crop itself, so that pixels are resampled once
        square = aligned_square(face.points, config.margin)
        degrees += square.degrees if square is not None else 0.0
    elif config.upright and abs(face.roll) >= LEAST_TURN:
        turned, upright, more = _levelled(turned, face, detect)
        degrees += more
    brightness, contrast = _seen(turned, upright)
    detected: Detected = {
        "faces": len(faces),
        "score": face.score,
        **{"x": box.x, "y": box.y, "width": box.width, "height": box.height},
        "roll": _within_half_turn(face.roll + 90 * quarter),
        "turned": _within_half_turn(degrees),
        "brightness": brightness,
        "contrast": contrast,
    }
    reject = None
    if config.align and square is None:
        reject = NO_FACE
    elif config.reject_several and len(faces) > 1:
        reject = SEVERAL
    elif config.min_face is not None and min(box.width, box.height) < config.min_face:
        reject = SMALL
    elif config.reject_unclear and brightness < DARKEST:
        reject = DARK
    return Choice(turned, upright.box, detected, reject, square)


def _within_half_turn(degrees: float) -> float:
    return (degrees + 180) % 360 - 180


def covered(detected: Detected) -> bool:
    """Return whether an eye or the mouth shows nothing but a plain surface."""
    return detected.get("contrast", 1.0) < PLAINEST


def _upright(pixels: np.ndarray, detect: Detector) -> tuple[int, list[Face]]:
    """Return the number of quarter turns, counter-clockwise, after which the largest face is nearest to upright.

    RetinaFace finds most faces however they are turned, yet is surest of upright ones; of a face upside down it may
    say that its eyes are level, but with a lower score.
    """
    found = [(quarter, detect(np.ascontiguousarray(np.rot90(pixels, quarter)))) for quarter in range(4)]
    level = [item for item in found if item[1] and abs(item[1][0].roll) <= MOST_ROLL]
    return max(level or [item for item in found if item[1]] or found[:1], key=_surest)


def _surest(item: tuple[int, list[Face]]) -> float:
    return item[1][0].score if item[1] else 0.0


def _levelled(pixels: np.ndarray, face: Face, detect: Detector) -> tuple[np.ndarray, Face, float]:
    """Turn the square around a face until its eyes are level: the square, the face in it, and the degrees.

    The points of a tilted face are off by some degrees, so that the turned face is measured again.
    """
    longer = max(face.box.width, face.box.height)
    side = min(max(32, round(TURN_MARGIN * longer)), TURN_SIDE)
    square = Image.fromarray(cut_square(pixels, face.box, side, TURN_MARGIN))
    scale = side / (TURN_MARGIN * longer)
    width, height = face.box.width * scale, face.box.height * scale
    there = Box((side - width) / 2, (side - height) / 2, width, height)
    middle = np.array([face.box.x + face.box.width / 2, face.box.y + face.box.height / 2])
    best = Face(there, face.score, (face.points - middle) * scale + side / 2)
    turned, degrees = np.asarray(square), 0.0
    for _ in range(2):
        if abs(best.roll) < LEAST_TURN:
            break
        wanted = degrees + best.roll
        image = np.asarray(square.rotate(wanted, Image.Resampling.BICUBIC))
        central = [found for found in detect(image) if _holds_centre(found.box, side)]
        if not central or abs(central[0].roll) >= abs(best.roll):
            break
        turned, best, degrees = image, central[0], wanted
    return turned, best, degrees


def _holds_centre(box: Box, side: int) -> bool:
    return box.x < side / 2 < box.x + box.width and box.y < side / 2 < box.y + box.height


def _turned_back(box: Box, quarter: int, height: int, width: int) -> Box:
    """The box in an image, height × width, from the box after quarter turns counter-clockwise."""
    x, y, wide, high = box
    if quarter == 1:
        return Box(width - y - high, x, high, wide)
    if quarter == 2:
        return Box(width - x - wide, height - y - high, wide, high)
    if quarter == 3:
        return Box(y, height - x - wide, high, wide)
    return box


def _seen(pixels: np.ndarray, face: Face) -> tuple[float, float]:
    """Brightness of a face, and the contrast of the least structured of its eyes and mouth."""
    height, width = pixels.shape[:2]
    box, step = face.box, max(1, round(max(face.box.width, face.box.height) / LOOKED_AT))
    left, top = int(np.clip(box.x, 0, width - 1)), int(np.clip(box.y, 0, height - 1))
    right, bottom = int(np.clip(box.x + box.width, left + 1, width)), int(np.clip(box.y + box.height, top + 1, height))
    luma = np.asarray(Image.fromarray(pixels[top:bottom, left:right]).reduce(step)) @ LUMA  # noise averages out
    points = (face.points - (left, top)) / step
    eyes, mouth = (points[0] + points[1]) / 2, (points[3] + points[4]) / 2
    around = max(2.0, AROUND * max(np.hypot(*(points[1] - points[0])), np.hypot(*(mouth - eyes))))
    low, high = np.percentile(luma, [5, 95])
    plainest = min(_structure(luma, point, around) for point in (points[0], points[1], mouth))
    return float(high), float(plainest / max(high - low, 1.0))


def _structure(luma: np.ndarray, point: np.ndarray, around: float) -> float:
    """Standard deviation of luma in a square around a point, after the plane that shades it is taken off."""
    x, y = point
    part = luma[
        max(int(y - around), 0) : max(int(y + around) + 1, 0), max(int(x - around), 0) : max(int(x + around) + 1, 0)
    ]
    if min(part.shape, default=0) < 2:  # the point lies outside the image
        return 0.0
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
    plane = np.stack([rows.ravel(), columns.ravel(), np.ones(part.size)], axis=1)
    rest = part.ravel() - plane @ np.linalg.lstsq(plane, part.ravel(), rcond=None)[0]
    return float(rest.std())
