"""Choose match, T₀ and w of each style from the measured cells of the grid.

The rule: of a style's cells that keep the person, the one with the highest reach; ties go to the lower T₀, then to the
lower w. All styles share one match: the one with which most styles keep the person, and of these the one whose chosen
cells reach most on average; ties go to the lesser match.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from difffas.routes import Matching
from factory.calibrate.settings import Floor

MATCHES: tuple[Matching, ...] = ("none", "guide", "domain", "style")  # the lesser first


class Figures(TypedDict):
    """Means over the spoofs of one style and sampler; None where there is no spoof."""

    faces: int
    reach: float
    reach_within: float | None  # of live faces of the guide's domain
    reach_across: float | None
    own: float
    structure: float


class Cell(Figures):
    """One style in one cell of the grid, a line of cells.csv."""

    match: Matching
    t0: int
    cfg_scale: float
    style: str


def figures_of(cell: Cell) -> Figures:
    """The figures alone."""
    return {
        "faces": cell["faces"],
        "reach": cell["reach"],
        "reach_within": cell["reach_within"],
        "reach_across": cell["reach_across"],
        "own": cell["own"],
        "structure": cell["structure"],
    }


def keeps(cell: Figures, floor: Floor) -> bool:
    """Whether a cell keeps the person."""
    return cell["own"] >= floor.own and cell["structure"] >= floor.structure


def knee(cells: Sequence[Cell], floor: Floor) -> Cell:
    """The cell to use, by the rule above; without one that keeps the person, the one that keeps most of it.

    Args:
        cells: those of one style and match.
    """
    kept = [cell for cell in cells if keeps(cell, floor)]
    if kept:
        return min(kept, key=lambda cell: (-cell["reach"], cell["t0"], cell["cfg_scale"]))
    return min(cells, key=lambda cell: (-cell["own"], -cell["structure"], cell["t0"], cell["cfg_scale"]))


def knees(cells: Sequence[Cell], floor: Floor) -> dict[str, Cell]:
    """The cell to use by style, all of one match."""
    styles = sorted({cell["style"] for cell in cells})
    found: list[dict[str, Cell]] = []
    for match in MATCHES:
        if mine := [cell for cell in cells if cell["match"] == match]:
            found.append({style: knee([cell for cell in mine if cell["style"] == style], floor) for style in styles})

    def worth(chosen: dict[str, Cell]) -> tuple[int, float]:
        return sum(keeps(cell, floor) for cell in chosen.values()), sum(cell["reach"] for cell in chosen.values())

    return max(found, key=worth)  # the first of equals
