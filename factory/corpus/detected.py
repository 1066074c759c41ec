"""What the face detector saw in the source image of each row: a table beside the corpus, joined by `key`.

A corpus that was cut without a detector, or by an older version, has no such table.
"""

from __future__ import annotations

from typing import TypedDict

import pyarrow as pa

from factory.corpus.side_table import SideTable

SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("reject", pa.string()),  # null: the image is a row
        ("faces", pa.int64()),  # number of faces found, 0 for none: then all below is null
        ("score", pa.float64()),
        ("x", pa.float64()),  # the box, in pixels of the upright source image
        ("y", pa.float64()),
        ("width", pa.float64()),
        ("height", pa.float64()),
        ("roll", pa.float64()),  # degrees clockwise, −180 to 180
        ("turned", pa.float64()),  # degrees counter-clockwise by which the image was turned for the crop
        ("brightness", pa.float64()),  # 95th percentile of luma in the box, 0 to 255
        ("contrast", pa.float64()),  # of the least structured of eyes and mouth, in parts of the box's contrast
    ]
)
FACES = SideTable("faces.parquet", SCHEMA)


class Detected(TypedDict, total=False):
    """The facts of one image: a line of `SCHEMA`."""

    key: str
    reject: str | None
    faces: int
    score: float
    x: float
    y: float
    width: float
    height: float
    roll: float
    turned: float
    brightness: float
    contrast: float
