"""Fig. 3b: the lines are the loss's, recomputed from its own value."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.losses import RelativeQuality
from factory.core.config import build
from factory.corpus.row import LIVE
from factory.report.figures.margins import MarginsFigure, margins, prepare, qualities, whole_margin
from tests.pages import scored


@pytest.mark.parametrize("is_live", [True, False])
@pytest.mark.parametrize("theta", [0.5, 1.0, 1.5])
def test_the_whole_margin_is_what_the_loss_takes_from_the_true_class(is_live: bool, theta: float) -> None:
    """Of two classes, loss = log(1 + exp(s·cos θ_other − target)): the target is read back from the loss."""
    config = MarginsFigure(live_margin=0.3, spoof_margin=0.1)
    q = np.linspace(-0.5, 0.5, 5)
    margin = whole_margin(*margins(config, q, is_live), theta)
    loss = RelativeQuality((True, False), 0.3, 0.1, scale=3.0)
    label = 0 if is_live else 1
    for quality, expected in zip(q, margin, strict=True):
        cosines = torch.tensor([[math.cos(theta)] * 2], dtype=torch.float64)
        value = loss(cosines, torch.tensor([label]), torch.tensor([quality]))
        target = 3.0 * math.cos(theta) - math.log(math.expm1(value.item()))
        assert math.cos(theta) - target / 3.0 == pytest.approx(expected, abs=1e-9)


def test_the_ends_of_the_lines_are_in_the_table() -> None:
    prepared = prepare(MarginsFigure())
    assert prepared.folders == {}
    figure = prepared.draw()
    assert figure.table is not None
    cells = dict(figure.table.rows)
    assert cells["live, g_angle"] == ["0.200", "0.000", "−0.200"]
    assert cells["spoof, g_add"] == ["0.100", "0.200", "0.300"]
    assert [panel.title for panel in figure.panels] == ["g_angle", "g_add", "Both together"]
    assert figure.panels[2].chart.count('class="function live') == 3


def test_with_a_corpus_the_qualities_of_its_batches_are_shown(tmp_path: Path) -> None:
    rows = scored(small_rows())
    rows = [r for r in rows if r.split == "train"]
    corpus = write_corpus(tmp_path / "real", rows)
    config = build(MarginsFigure, {"corpus": str(tmp_path / "real"), "batch_size": 8})
    found = qualities(config, corpus, corpus.where(split="train"))
    assert sum(map(len, found.values())) == 200 * 8
    assert all((np.abs(values) <= 1).all() for values in found.values())
    share = np.mean([r.label == LIVE for r in rows])
    assert len(found["live"]) / 1600 == pytest.approx(share, abs=0.05)
    assert prepare(config).draw().panels[-1].title == "Where the rows lie"


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows(subjects=1))
    with pytest.raises(ValueError, match="200 is not between 0 and 180"):
        prepare(MarginsFigure(angles=(200.0,)))
    with pytest.raises(ValueError, match="fewer than a batch of 64: lower batch_size"):
        prepare(build(MarginsFigure, {"corpus": str(tmp_path / "real")}))
