"""Fig. 13b: a generated spoof stands beside a real spoof of its person in its style."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks.corpora import face, png, row, small_rows, write_corpus
from factory.core.config import build
from factory.corpus.row import LIVE, SPOOF, Row
from factory.report.figures.same_style import SameStyleFigure, prepare, truths
from tests.pages import scored


def made_of(rows: list[Row]) -> list[Row]:
    """A spoof of every live face in every style of its domain, by a guide of the next person."""
    lives = [r for r in rows if r.label == LIVE]
    spoofs = [r for r in rows if r.label == SPOOF]
    made: list[Row] = []
    for live in lives:
        for style in sorted({r.style for r in spoofs if r.domain == live.domain}):
            guide = next(r for r in spoofs if r.style == style and r.subject != live.subject)
            facts = {"attack": guide.attack, "domain": guide.domain, "subject": live.subject, "capture": live.capture}
            links = {"live_key": live.key, "guide_key": guide.key, "live_domain": live.domain, "generator": "f" * 64}
            number = 500 + len(made)
            made.append(
                row(number, key=f"made-{number}", label=SPOOF, brisque=30.0, t0=200, cfg_scale=2.0, **facts, **links)
            )
    return made


def figure_of(tmp_path: Path) -> SameStyleFigure:
    return build(SameStyleFigure, {"generated": str(tmp_path / "made"), "real": str(tmp_path / "real"), "rows": 4})


def test_the_truth_is_of_the_person_the_style_and_if_there_is_one_the_recording(tmp_path: Path) -> None:
    real = scored(small_rows())
    made = made_of(real)
    pairs = truths(write_corpus(tmp_path / "made", made), write_corpus(tmp_path / "real", real))
    owned = {(r.domain, r.subject, r.style) for r in real if r.label == SPOOF}
    wanted = [r for r in made if (r.domain, r.subject, r.style) in owned]
    assert 0 < len(wanted) < len(made) and len(pairs.made) == len(wanted)
    for made_at, truth_at in zip(pairs.made, pairs.truth, strict=True):
        spoof, truth = made[made_at], real[truth_at]
        assert (truth.label, truth.style, truth.subject) == (SPOOF, spoof.style, spoof.subject)
        assert truth.capture == spoof.capture
    figure = prepare(figure_of(tmp_path)).draw()
    (panel,) = figure.panels
    assert panel.chart.count("<image") == 4 * 4 and panel.chart.count('class="made"') == 4
    assert f"{len(wanted):,} of {len(made):,} rows" in figure.notes[0]
    assert figure.table is not None
    assert figure.table.rows[0][1][0] == "30.0 ± 0.0"


def test_a_guide_of_the_same_person_is_no_comparison(tmp_path: Path) -> None:
    real = scored(small_rows())
    own = {(r.domain, r.subject, r.style): r.key for r in real if r.label == SPOOF}
    made = [
        dataclasses.replace(r, guide_key=own[r.domain, r.subject, r.style])
        for r in made_of(real)
        if (r.domain, r.subject, r.style) in own
    ]
    write_corpus(tmp_path / "made", made)
    write_corpus(tmp_path / "real", real)
    with pytest.raises(ValueError, match=r"generate with plan.policies=\[same-style\]"):
        prepare(figure_of(tmp_path))


def test_the_change_is_measured_from_the_live_face(tmp_path: Path) -> None:
    """A truth with the live face's own pixels has not changed, a spoof with others has."""
    real = [
        row(1, key="live", subject="s1", capture="c1"),
        row(2, key="own", subject="s1", capture="c1", label=SPOOF, attack="print", image=png(face(1))),
        row(3, key="guide", subject="s2", label=SPOOF, attack="print"),
    ]
    links = {"live_key": "live", "guide_key": "guide", "live_domain": "cam", "generator": "f"}
    made = [row(9, key="made", subject="s1", capture="c1", label=SPOOF, attack="print", **links)]
    write_corpus(tmp_path / "real", real)
    write_corpus(tmp_path / "made", made)
    figure = prepare(figure_of(tmp_path)).draw()
    assert figure.table is not None
    changes = {name: float(cells[1].split()[0]) for name, cells in figure.table.rows}
    assert changes["ground truth"] == 0.0 < changes["generated"]
