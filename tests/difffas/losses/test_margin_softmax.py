"""The common part of the margin losses, against Eq. 18 written out by hand."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from difffas.losses.margin_softmax import by_kind, check_styles, margin_softmax
from tests.loss_batches import LIVE, angles, batch, softmax_loss, with_target


def test_a_margin_for_each_sample_by_hand() -> None:
    cosines, labels, *_ = batch()
    turn, add = torch.linspace(-0.3, 0.3, 12), torch.linspace(0.0, 0.5, 12)
    target = [
        math.cos(min(max(angle + t, 0.0), math.pi)) - a
        for angle, t, a in zip(angles(cosines, labels), turn.tolist(), add.tolist(), strict=True)
    ]
    expected = softmax_loss(with_target(cosines, labels, target), labels.tolist())
    assert margin_softmax(cosines, labels, 30.0, angle=turn, add=add).item() == pytest.approx(expected, rel=1e-5)


def test_without_a_margin_it_is_cross_entropy_to_the_bit() -> None:
    cosines, labels, *_ = batch()
    assert torch.equal(margin_softmax(cosines, labels, 7.0), F.cross_entropy(7.0 * cosines, labels))


def test_margins_by_kind_of_style() -> None:
    labels = torch.tensor([0, 1, 2, 3, 1])
    values = by_kind(LIVE, 0.4, 0.1, torch.zeros(5, 4, dtype=torch.float64), labels)
    assert values.dtype == torch.float64 and values.tolist() == [0.4, 0.1, 0.4, 0.1, 0.1]


def test_facts_are_one_for_each_style() -> None:
    check_styles(LIVE, "live", torch.zeros(2, 4))
    with pytest.raises(ValueError, match="2 entries in live for 4 styles"):
        by_kind((True, False), 0.4, 0.1, torch.zeros(2, 4), torch.tensor([0, 1]))
