"""The box of a face, the square that is cut around it, and tables of boxes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
from PIL import Image

from difffas.errors import UnreadableError, UserError
from factory.core.regular import NotRegular, open_regular
from factory.images import FACE_MARGIN, resize
from factory.images.limits import MAX_PIXELS
from factory.tables import plain_parquet
from factory.tables.decimals import decimal

WHOLE_SIDE = 4096  # pixels: a larger square is cut and scaled in strips
MAX_LENGTH = 4 * math.isqrt(MAX_PIXELS)  # largest side of a square in pixels: four times that of the largest image


class Box(NamedTuple):
    """A face box in pixels of the upright image; x and y are the left and the upper edge."""

    x: float
    y: float
    width: float
    height: float


def cut_square(pixels: np.ndarray, box: Box, side: int, margin: float = FACE_MARGIN) -> np.ndarray:
    """Cut the square around a face, uint8 (side, side, 3) from uint8 (H, W, 3).

    The square has the centre of the box and `margin` times its longer side. Outside the frame the square repeats the
    frame's edge pixels. [ours]

    Raises:
        UnreadableError: `box outside the image` if the box's centre is outside, `box larger than the image` if the
            box is more than twice the image's longer side, or `square too large` if the side exceeds `MAX_LENGTH`.
    """
    height, width = pixels.shape[:2]
    x, y = box.x + box.width / 2, box.y + box.height / 2
    if not (0 <= x <= width and 0 <= y <= height):
        raise UnreadableError("box outside the image")
    if max(box.width, box.height) > 2 * max(width, height):
        raise UnreadableError("box larger than the image")
    length = max(1, round(margin * max(box.width, box.height)))
    if length > MAX_LENGTH:
        raise UnreadableError("square too large")
    rows = (np.arange(length) + math.floor(y - length / 2 + 0.5)).clip(0, height - 1)
    columns = (np.arange(length) + math.floor(x - length / 2 + 0.5)).clip(0, width - 1)
    if length <= WHOLE_SIDE:
        return resize(pixels[rows[:, None], columns], side)
    return _cut_large(pixels, rows, columns, side)


def _cut_large(pixels: np.ndarray, rows: np.ndarray, columns: np.ndarray, side: int) -> np.ndarray:
    """Cut the same square without holding it whole: it may have ten thousand times the pixels of a one-line image.

    Pillow scales first along each line and then across the lines; these two steps do the same and give the same bytes.
    Lines that repeat the line at the edge are scaled once.
    """
    first, last = int(rows[0]), int(rows[-1])
    narrow = np.empty((last - first + 1, side, 3), np.uint8)
    at_once = max(1, WHOLE_SIDE**2 // len(columns))
    for top in range(first, last + 1, at_once):
        strip = Image.fromarray(pixels[top : min(top + at_once, last + 1), columns])
        narrow[top - first : top - first + strip.height] = np.asarray(
            strip.resize((side, strip.height), Image.Resampling.LANCZOS)
        )
    tall = Image.fromarray(narrow[rows - first])
    return np.array(tall.resize((side, side), Image.Resampling.LANCZOS))


def centre_square(pixels: np.ndarray) -> Box:
    """Return the largest square in the middle of an image that is already a face crop."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    return Box((width - side) // 2, (height - side) // 2, side, side)


_MISSING = ("", "na", "n/a", "nan", "-nan", "null", "none", "#n/a")  # how tables write a missing number
_BOX = ("x", "y", "width", "height")
_LANDMARKS = tuple(
    f"{point}_{axis}" for point in ("left_eye", "right_eye", "left_mouth", "right_mouth") for axis in "xy"
)

_NOSE = ("nose_x", "nose_y")
_FIVE = (*_LANDMARKS[:4], *_NOSE, *_LANDMARKS[4:])


def read_boxes(table: str) -> dict[str, Box | None]:
    """Return face boxes by image path, from a CSV (with a header) or Parquet table; None for missing numbers.

    The columns are `path`, relative to the source folder, and either `x`, `y`, `width`, `height` or the eyes and mouth
    corners as `left_eye_x`, `left_eye_y`, `right_eye_…`, `left_mouth_…`, `right_mouth_…` (a nose is allowed and not
    used), in pixels of the upright image. Further columns are ignored.

    Raises:
        UserError: if the table cannot be read, lacks a column, has a box without area, or names a path twice.
    """
    rows = _read_table(table)
    columns = _BOX if set(_BOX) <= set(rows.column_names) else _LANDMARKS
    boxes: dict[str, Box | None] = {}
    for path, values in _numbers(table, rows, columns).items():
        box = None if values is None else Box(*values.tolist()) if columns == _BOX else landmark_box(values)
        if box is not None and not min(box.width, box.height) > 0:
            raise UserError(f"{table}: the face of {path!r} has no area; leave its numbers empty if there is no face")
        boxes[path] = box
    return boxes


def read_landmarks(table: str) -> dict[str, tuple[float, ...] | None]:
    """Return x and y of the landmarks by image path, from a table that `read_boxes` reads; None for missing numbers.

    Of eyes and mouth corners, or with columns `nose_x` and `nose_y` of eyes, nose and mouth corners.

    Raises:
        UserError: if the table has boxes alone, and where `read_boxes` does.
    """
    rows = _read_table(table)
    columns = _FIVE if set(_NOSE) <= set(rows.column_names) else _LANDMARKS
    found = _numbers(table, rows, columns)
    return {path: None if values is None else tuple(values.tolist()) for path, values in found.items()}


def _numbers(table: str, rows: pa.Table, columns: tuple[str, ...]) -> dict[str, np.ndarray | None]:
    """The numbers of a table's columns by path; None if one is missing."""
    if twice := [name for name in set(rows.column_names) if rows.column_names.count(name) > 1]:
        raise UserError(f"{table}: there are two columns {twice[0]!r}: give each a name of its own")
    for name in ("path", *columns):
        if name not in rows.column_names:
            raise UserError(f"{table} has no column {name!r}: it needs path and {', '.join(_BOX)} or five landmarks")
    try:
        numbers = np.stack([_coordinates(rows[name]) for name in columns], axis=1)
    except (ValueError, pa.ArrowNotImplementedError) as error:  # ArrowInvalid is a ValueError
        raise UserError(f"{table}: coordinates must be numbers: {' '.join(str(error).split())}") from None
    if np.isinf(numbers).any():
        path = rows["path"][int(np.flatnonzero(np.isinf(numbers).any(axis=1))[0])].as_py()
        raise UserError(f"{table}: the face of {path!r} has an infinite coordinate: leave it empty without a face")
    found: dict[str, np.ndarray | None] = {}
    for path, values in zip(rows["path"].to_pylist(), numbers, strict=True):
        if path in found:
            raise UserError(f"{table} names {path!r} twice: keep the face that is meant")
        found[path] = values if np.isfinite(values).all() else None
    return found


def landmark_box(points: np.ndarray) -> Box:
    """Return the box that RetinaFace would draw around these eyes and mouth corners (x, y of each: 8 numbers).

    Let s be the larger of the distances eye to eye and eyes to mouth. The side of the box is 2.67·s, and its centre
    lies 0.2·s above the middle between eyes and mouth: medians over 84 NUAA frames and synthetic portraits. [ours]
    """
    left_eye, right_eye, left_mouth, right_mouth = points.reshape(4, 2)
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    up = eyes - mouth
    height = float(np.hypot(*up))
    scale = max(float(np.hypot(*(right_eye - left_eye))), height)
    centre = (eyes + mouth) / 2 + (0.2 * scale / height * up if height else 0.0)
    side = 2.67 * scale
    return Box(float(centre[0]) - side / 2, float(centre[1]) - side / 2, side, side)


def _coordinates(column: pa.ChunkedArray) -> np.ndarray:
    """Return the numbers of a column, NaN for missing ones; texts must be decimal."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return np.asarray(column.cast(pa.float64()).to_numpy())
    texts = [(text or "").strip(" \t") for text in column.to_pylist()]
    return np.array([math.nan if text.lower() in _MISSING else decimal(text) for text in texts], dtype=np.float64)


def _read_table(table: str) -> pa.Table:
    try:
        with open_regular(table) as file:
            if table.endswith((".parquet", ".pq")):
                return plain_parquet.read_table(file, table)
            texts = ("path", *_BOX, *_FIVE)  # paths such as 0001 are text, and Arrow reads 0x10 as 16
            return pa.csv.read_csv(
                file,
                parse_options=pa.csv.ParseOptions(newlines_in_values=True),  # a file name may contain a newline
                convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(texts, pa.string())),
            )
    except NotRegular as error:
        raise UserError(f"{table} is {error}: give the path of the table itself") from None
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{table} cannot be read as CSV or Parquet: {' '.join(str(error).split())}") from None
