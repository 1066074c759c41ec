"""Fig. 10: its numbers are those of the corpora, recomputed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.core.config import build
from factory.corpus.row import LIVE, SPOOF
from factory.report.figures.brisque import BrisqueFigure, groups_of, prepare, scores_of
from tests.pages import scored, spoofs_of


def test_means_spreads_and_counts_are_those_of_the_rows(tmp_path: Path) -> None:
    real = scored(small_rows())
    made = spoofs_of(real)
    write_corpus(tmp_path / "real", real)
    write_corpus(tmp_path / "made", made)
    config = build(BrisqueFigure, {"corpora": {"a <b>": str(tmp_path / "real"), "ours": str(tmp_path / "made")}})
    figure = prepare(config).draw()
    assert figure.table is not None
    cells = dict(figure.table.rows)
    assert list(cells) == ["a <b>, live", "a <b>, spoof", "ours"]
    for name, rows in (
        ("a <b>, live", [r for r in real if r.label == LIVE]),
        ("a <b>, spoof", [r for r in real if r.label == SPOOF]),
        ("ours", made),
    ):
        known = [r.brisque for r in rows if r.brisque is not None]
        mean, _, deviation, images, _, failed = cells[name]
        assert float(mean) == pytest.approx(np.mean(known), abs=0.006)
        assert float(deviation) == pytest.approx(np.std(known), abs=0.006)
        assert (int(images), int(failed)) == (len(known), len(rows) - len(known))
    assert int(cells["ours"][4]) == len({(r.live_domain, r.subject) for r in made}), "people of the live faces"
    (panel,) = figure.panels
    assert "a &lt;b&gt;, live" in panel.chart and panel.chart.count('class="dot ') == 3


def test_the_interval_is_that_of_the_mean_over_people() -> None:
    """With equally many images each, the mean is that of the people's means, whose standard error is classic."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(40), 5)
    values = rng.normal(0, 3, 40)[person] + rng.normal(0, 1, 200)
    found = scores_of(values, person)
    means = values.reshape(40, 5).mean(axis=1)
    assert found.half == pytest.approx(1.96 * means.std(ddof=1) / np.sqrt(40))
    assert scores_of(values[:5], person[:5]).half is None
    resampled = [means[rng.integers(0, 40, 40)].mean() for _ in range(4000)]
    assert found.half == pytest.approx(1.96 * np.std(resampled), rel=0.1)


def test_a_corpus_without_scores_is_refused_and_mixed_implementations_are_said(tmp_path: Path) -> None:
    write_corpus(tmp_path / "none", small_rows())
    with pytest.raises(ValueError, match="has no image with a BRISQUE score"):
        prepare(build(BrisqueFigure, {"corpora": {"x": str(tmp_path / "none")}}))
    rows = scored(small_rows())
    rows[0] = dataclasses.replace(rows[0], brisque_impl="theirs")
    assert list(groups_of(write_corpus(tmp_path / "mixed", rows))) == ["live", "spoof"]
    figure = prepare(build(BrisqueFigure, {"corpora": {"x": str(tmp_path / "mixed")}})).draw()
    assert "not comparable: ours, theirs" in figure.notes[0]
