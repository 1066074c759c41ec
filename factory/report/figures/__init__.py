"""The paper's figures, each drawn from finished folders: a setting, a module and an SVG file for each.

A module has a configuration and `prepare`, which opens and checks the inputs before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import Field

from factory.charts.plate import plate
from factory.core.config import Config
from factory.report.figures import brisque, margins, moments, nearest, same_style, variants
from factory.report.figures.brisque import BrisqueFigure
from factory.report.figures.figure import Figure, Prepared
from factory.report.figures.margins import MarginsFigure
from factory.report.figures.moments import MomentsFigure
from factory.report.figures.nearest import NearestFigure
from factory.report.figures.same_style import SameStyleFigure
from factory.report.figures.variants import VariantsFigure

FOLDER = "figures"


class FiguresConfig(Config):
    """The figures of the paper to draw; each is left out unless its settings are given."""

    margins: MarginsFigure | None = Field(None, description="Fig. 3b: margins of the RQ loss over quality")
    variants: VariantsFigure | None = Field(None, description="Fig. 5: generators side by side")
    nearest: NearestFigure | None = Field(None, description="Fig. 8: the nearest training spoof beside each spoof")
    brisque: BrisqueFigure | None = Field(None, description="Fig. 10: mean BRISQUE of corpora")
    moments: MomentsFigure | None = Field(None, description="Fig. 12: a classifier's embeddings during its training")
    same_style: SameStyleFigure | None = Field(None, description="Fig. 13b: spoofs beside real ones of the person")


PAPER = {
    "margins": "Fig. 3b",
    "variants": "Fig. 5",
    "nearest": "Fig. 8",
    "brisque": "Fig. 10",
    "moments": "Fig. 12",
    "same_style": "Fig. 13b",
}
PREPARE: dict[str, Callable[[Any], Prepared]] = {
    "margins": margins.prepare,
    "variants": variants.prepare,
    "nearest": nearest.prepare,
    "brisque": brisque.prepare,
    "moments": moments.prepare,
    "same_style": same_style.prepare,
}


def asked(config: FiguresConfig) -> list[str]:
    """The names of the figures that a configuration asks for, in the paper's order."""
    return [name for name in PREPARE if getattr(config, name) is not None]


def prepare_all(config: FiguresConfig) -> dict[str, Prepared]:
    """Open the inputs of every figure, by name; raises UserError before anything is written."""
    return {name: PREPARE[name](getattr(config, name)) for name in asked(config)}


def files(figures: list[Figure]) -> Iterator[tuple[str, bytes]]:
    """The name and content of every figure's own file."""
    for figure in figures:
        yield f"{FOLDER}/{figure.name}.svg", plate(figure.heading, figure.panels, figure.legend).encode()
