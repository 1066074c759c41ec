"""A sheet of images as SVG: columns with heads, rows with names, and a line of text below each image."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from factory import charts
from factory.charts import short

GAP, LARGEST, SMALLEST = 6.0, 84.0, 50.0  # between images; sides of an image
TEXT, LETTER = 13.0, 5.6  # height of a line of text, mean width of a letter
NONE = "—"


class Tile(NamedTuple):
    """An image as a data URI, None if there is none; `title` shows under the pointer, `note` below the image.

    `made` is for an image that a generator made: its note has the colour of generated images.
    """

    uri: str | None
    title: str
    note: str = ""
    made: bool = False


class SheetRow(NamedTuple):
    """A row of images, and its name above them; an empty name takes no room."""

    name: str
    tiles: Sequence[Tile]


def sheet(columns: Sequence[str], rows: Sequence[SheetRow], label: str) -> str:
    """Draw the rows below each other; `columns` are the heads of the images, empty ones for a sheet without heads.

    The sheet is as wide as a phone, or wider if its images would be too small.
    """
    count = max(len(columns), *(len(row.tiles) for row in rows))
    side = min(max((charts.WIDTH - GAP * (count - 1)) / count, SMALLEST), LARGEST)
    letters = max(int((side + GAP / 2) / LETTER), 1)
    heads = [textwrap.wrap(head, letters) for head in columns]
    top = TEXT * max((len(head) for head in heads), default=0)
    body = []
    for place, head in enumerate(heads):
        middle = place * (side + GAP) + side / 2
        for line, text in enumerate(head):
            y = top - TEXT * (len(head) - 1 - line) - 3
            body.append(_text(text, middle, y, "name"))
    for row in rows:
        if row.name:
            top += TEXT + 4
            body.append(f'<text x="0" y="{short(top - 3)}">{escape(row.name)}</text>')
        noted = any(tile.note for tile in row.tiles)
        for place, tile in enumerate(row.tiles):
            body.append(_tile(tile, place * (side + GAP), top, side))
        top += side + (TEXT + 2 if noted else 0) + GAP
    width = max(charts.WIDTH, count * (side + GAP) - GAP)
    return charts.svg(body, math.ceil(top), label, width)


def _tile(tile: Tile, x: float, y: float, side: float) -> str:
    title, kind = f"<title>{escape(tile.title)}</title>", "made" if tile.made else "aside"
    place = f'x="{short(x)}" y="{short(y)}" width="{short(side)}" height="{short(side)}"'
    if tile.uri is None:
        shown = f'<rect class="absent" {place}>{title}</rect>' + _text(NONE, x + side / 2, y + side / 2 + 4, "aside")
    else:
        shown = f'<image class="tile" {place} href="{escape(tile.uri)}">{title}</image>'
    return shown + (_text(tile.note, x + side / 2, y + side + TEXT - 2, kind) if tile.note else "")


def _text(text: str, x: float, y: float, kind: str) -> str:
    return f'<text class="{kind}" x="{short(x)}" y="{short(y)}" text-anchor="middle">{escape(text)}</text>'
