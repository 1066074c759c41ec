"""The picture of a strength study: for a few faces, a matrix of spoofs with T₀ downwards and w to the right."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from factory.charts import number

CELL, GAP, AISLE = 128, 4, 24  # pixels
TITLE, LABEL = 40, 56  # height of a block's heading, width of its row labels
INK = (124, 124, 124)  # readable on light and dark pages; the background is transparent
TEXT = 18


@dataclasses.dataclass(frozen=True)
class Block:
    """One face: uint8 live and guide (H, W, 3), and spoofs (T₀ values, w values, H, W, 3)."""

    style: str
    live: np.ndarray
    guide: np.ndarray
    spoofs: np.ndarray


def shown_faces(styles: Sequence[str], count: int) -> list[int]:
    """Which faces to show: the first of each style, then others, evenly spread, up to `count`."""
    first = [styles.index(style) for style in dict.fromkeys(styles)][:count]
    others = [face for face in range(len(styles)) if face not in first]
    more = min(count - len(first), len(others))
    return first + [others[(turn + 1) * len(others) // (more + 1)] for turn in range(more)]


def draw_grid(blocks: Sequence[Block], t0: Sequence[int], cfg_scale: Sequence[float]) -> bytes:
    """A PNG with the blocks below each other; small images are enlarged without smoothing."""
    rows, columns = len(t0), len(cfg_scale)
    left = CELL + AISLE + LABEL  # left edge of the matrix
    below = 2 * (CELL + TITLE)  # live and guide with their captions
    height = TITLE + max(rows * (CELL + GAP), below) + AISLE
    picture = Image.new("RGBA", (left + columns * (CELL + GAP), height * len(blocks)))
    pen = ImageDraw.Draw(picture)
    font, small = (ImageFont.load_default(size) for size in (TEXT, TEXT * 2 / 3))
    for index, block in enumerate(blocks):
        top = index * height + TITLE
        for place, (name, pixels) in enumerate((("live", block.live), ("guide", block.guide))):
            y = top + place * (CELL + TITLE)
            picture.paste(_tile(pixels), (0, y))
            pen.text((0, y + CELL + GAP), name, INK, font)
        pen.text((0, top - 10), _fitting(block.style, font), INK, font, anchor="ls")
        for column, w in enumerate(cfg_scale):
            x = left + column * (CELL + GAP) + CELL // 2
            pen.text((x, top - 10), f"w {number(w)}", INK, font, anchor="ms")
        for row, level in enumerate(t0):
            y = top + row * (CELL + GAP) + CELL // 2
            pen.text((left - 10, y), str(level), INK, font, anchor="rm")
            for column in range(columns):
                tile = _tile(block.spoofs[row, column])
                picture.paste(tile, (left + column * (CELL + GAP), top + row * (CELL + GAP)))
        pen.text((left - 24, top - 10), "T", INK, font, anchor="rs")
        pen.text((left - 24, top - 7), "0", INK, small, anchor="ls")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _tile(pixels: np.ndarray) -> Image.Image:
    side = pixels.shape[0]
    method = Image.Resampling.NEAREST if CELL % side == 0 else Image.Resampling.LANCZOS
    return Image.fromarray(pixels).resize((CELL, CELL), method)


def _fitting(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The name, shortened at its end to the width of a cell and the aisle beside it."""
    if font.getlength(name) <= CELL + AISLE:
        return name
    while font.getlength(name + "...") > CELL + AISLE:
        name = name[:-1]
    return name + "..."
