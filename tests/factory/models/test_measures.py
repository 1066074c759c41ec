"""Measures of a strength study, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpora import face
from factory.models.measures import log_odds, rms_change, structure_change


@given(st.lists(st.floats(-6, 6), min_size=2, max_size=5), st.data())
def test_log_odds_are_those_of_the_softmax(logits: list[float], data: Any) -> None:
    chosen = data.draw(st.integers(0, len(logits) - 1))
    p = torch.tensor(logits, dtype=torch.float64).softmax(0)[chosen]
    assert float(log_odds(torch.tensor([logits]), torch.tensor([chosen]))) == pytest.approx(
        float(torch.logit(p)), abs=1e-4
    )


def test_log_odds_stay_finite_where_the_softmax_is_one() -> None:
    logits = torch.tensor([[900.0, -900.0, 0.0], [900.0, -900.0, 0.0]])
    assert log_odds(logits, torch.tensor([0, 1])).tolist() == [900.0, -1800.0]
    assert log_odds(torch.tensor([[1.0, 1.0, 1.0]]), torch.tensor([2])).tolist() == pytest.approx([-np.log(2)])


def test_identity_change_goes_by_structure() -> None:
    live = np.stack([face(seed, 64) for seed in range(3)])
    assert structure_change(live, live) == pytest.approx(np.zeros(3), abs=1e-9)
    tinted = (live * np.array([0.9, 1.0, 1.1])).clip(0, 255).astype(np.uint8)
    moved = np.roll(live, 3, axis=2)
    assert (structure_change(live, tinted) < 0.05).all()
    assert (structure_change(live, moved) > 5 * structure_change(live, tinted)).all()
    assert rms_change(live[:1], live[:1] // 2 * 2 + (live[:1] % 2 == 0)).tolist() == [1.0]
