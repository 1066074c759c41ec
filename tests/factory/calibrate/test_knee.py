"""The cell that is chosen: the highest reach among those that keep the person; ties to the lower T₀, then w."""

from __future__ import annotations

from difffas.routes import Matching
from factory.calibrate.knee import Cell, figures_of, keeps, knee, knees
from factory.calibrate.settings import Floor

FLOOR = Floor(own=0.9, structure=0.8)


def cell(
    t0: int,
    cfg_scale: float,
    reach: float,
    own: float = 1.0,
    structure: float = 0.9,
    style: str = "a",
    match: Matching = "none",
) -> Cell:
    return {
        "match": match,
        "t0": t0,
        "cfg_scale": cfg_scale,
        "style": style,
        "faces": 8,
        "reach": reach,
        "reach_within": reach,
        "reach_across": None,
        "own": own,
        "structure": structure,
    }


def place(chosen: Cell) -> tuple[int, float]:
    return chosen["t0"], chosen["cfg_scale"]


def test_the_highest_reach_wins_and_ties_go_to_the_lower_t0_then_the_lower_w() -> None:
    cells = [cell(450, 2, 0.8), cell(350, 5, 0.8), cell(350, 3, 0.8), cell(250, 2, 0.7)]
    assert place(knee(cells, FLOOR)) == place(knee(cells[::-1], FLOOR)) == (350, 3)


def test_a_cell_that_loses_the_person_is_not_chosen() -> None:
    cells = [cell(250, 2, 0.2), cell(350, 2, 0.9, own=0.89), cell(400, 2, 1.0, structure=0.79), cell(300, 2, 0.5)]
    assert place(knee(cells, FLOOR)) == (300, 2)
    assert [keeps(each, FLOOR) for each in cells] == [True, False, False, True]


def test_where_no_cell_keeps_the_person_the_one_that_keeps_most_is_chosen() -> None:
    cells = [cell(450, 2, 1.0, own=0.5), cell(350, 2, 0.9, own=0.7, structure=0.6), cell(250, 2, 0.1, own=0.7)]
    assert place(knee(cells, FLOOR)) == (250, 2)


def test_all_styles_share_the_match_that_reaches_most_and_keeps_the_person() -> None:
    none = [cell(250, 2, 0.5), cell(250, 2, 0.5, style="b")]
    styled = [cell(350, 2, 0.9, match="style"), cell(450, 2, 0.3, style="b", match="style")]
    chosen = knees(none + styled, FLOOR)
    assert {style: (found["match"], found["t0"]) for style, found in chosen.items()} == {
        "a": ("style", 350),
        "b": ("style", 450),
    }
    lost = [{**each, "own": 0.5} for each in styled]
    assert {found["match"] for found in knees(none + lost, FLOOR).values()} == {"none"}  # type: ignore[operator]
    tied = [cell(250, 2, 0.5, match="domain"), cell(250, 2, 0.5, style="b", match="domain")]
    assert {found["match"] for found in knees(tied + none, FLOOR).values()} == {"none"}


def test_figures_are_a_cell_without_its_place() -> None:
    one = cell(250, 2, 0.5)
    assert {**figures_of(one), "match": "none", "t0": 250, "cfg_scale": 2, "style": "a"} == one
