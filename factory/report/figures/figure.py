"""The parts that every figure of the paper has: what it reads, what it shows, and where its images come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

from factory.charts.plate import Mark, Panel
from factory.charts.sheet import Tile
from factory.core.documents import JsonObject
from factory.report.sections import Folder
from factory.report.triplets import Picture


class Table(NamedTuple):
    """Figures in rows: heads of the columns, and for each row its name and its cells."""

    columns: list[str]
    rows: list[tuple[str, list[str]]]


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure as the page shows it; `name` is that of its setting and of its file."""

    name: str
    heading: str
    text: str
    panels: list[Panel]
    legend: list[Mark] = dataclasses.field(default_factory=list)
    table: Table | None = None
    notes: list[str] = dataclasses.field(default_factory=list)
    wide: bool = False  # one panel takes the width of the page


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A figure whose inputs are opened and checked: what decides it, its folders by name, and how to draw it."""

    identity: JsonObject
    folders: Mapping[str, Folder]
    draw: Callable[[], Figure]


def tile(picture: Picture | None, role: str, note: str = "", made: bool = False) -> Tile:
    """The image of a row on a sheet; `role` is what the row is there, such as its guide."""
    if picture is None:
        return Tile(None, f"{role}: not in the corpora given", note, made)
    return Tile(picture.uri, f"{role} {picture.row.key}", note, made)
