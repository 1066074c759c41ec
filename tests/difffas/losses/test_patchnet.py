"""PatchNet's margins against their equation written out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from difffas.losses import PatchNet
from tests.loss_batches import LIVE, angles, batch, softmax_loss, with_target


def test_patchnet_by_hand() -> None:
    cosines, labels, *_ = batch()
    by_kind = [
        math.cos(angle) - (0.4 if LIVE[label] else 0.1)
        for angle, label in zip(angles(cosines, labels), labels.tolist(), strict=True)
    ]
    expected = softmax_loss(with_target(cosines, labels, by_kind), labels.tolist())
    assert PatchNet(LIVE)(cosines, labels).item() == pytest.approx(expected, rel=1e-5)


def test_the_larger_margin_is_that_of_live_styles() -> None:
    cosines = torch.tensor([[0.6, 0.5], [0.5, 0.6]])
    each = [PatchNet((True, False))(cosines[i : i + 1], torch.tensor([i])).item() for i in range(2)]
    assert each[0] > each[1] + 1.0
