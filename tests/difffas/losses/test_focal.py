"""Focal loss against its equation written out by hand."""

from __future__ import annotations

import pytest
import torch

from difffas.losses import CrossEntropy, Focal
from tests.loss_batches import batch


def test_focal_by_hand() -> None:
    cosines, labels, *_ = batch()
    probability = (5.0 * cosines).softmax(1)[torch.arange(12), labels]
    expected = (-((1 - probability) ** 2) * probability.log()).mean()
    torch.testing.assert_close(Focal(gamma=2.0, scale=5.0)(cosines, labels), expected)
    torch.testing.assert_close(Focal(gamma=0.0)(cosines, labels), CrossEntropy()(cosines, labels))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_has_a_slope_where_the_truth_is_certain(gamma: float) -> None:
    cosines = torch.tensor([[1.0, -1.0], [0.2, 0.1]], requires_grad=True)
    Focal(gamma=gamma)(cosines, torch.tensor([0, 0])).backward()
    assert cosines.grad is not None
    torch.testing.assert_close(cosines.grad[0], torch.zeros(2), atol=1e-9, rtol=0)
    assert cosines.grad[1, 0] < 0 < cosines.grad[1, 1]
