"""ArcFace against its equation written out by hand, and its ends."""

from __future__ import annotations

import math

import pytest
import torch

from difffas.losses import ArcFace
from tests.loss_batches import angles, batch, softmax_loss, with_target


def test_arcface_by_hand() -> None:
    cosines, labels, *_ = batch()
    turned = [math.cos(min(angle + 0.5, math.pi)) for angle in angles(cosines, labels)]
    expected = softmax_loss(with_target(cosines, labels, turned), labels.tolist())
    assert ArcFace()(cosines, labels).item() == pytest.approx(expected, rel=1e-5)


def test_the_angle_stays_below_pi() -> None:
    labels, opposite = torch.tensor([0, 0]), torch.tensor([[-0.99, 0.0]] * 2)
    # acos(-0.99) + 0.5 is beyond π, where the cosine would rise again
    expected = softmax_loss([[-30.0, 0.0]], [0])
    assert ArcFace()(opposite, labels).item() == pytest.approx(expected, rel=1e-5)


def test_the_slope_is_bounded_next_to_one() -> None:
    cosines = torch.full((1, 2), 1.0 - 2.0**-24, requires_grad=True)  # the last float32 below 1
    ArcFace(margin=math.pi / 2)(cosines, torch.tensor([0])).backward()  # type: ignore[no-untyped-call]
    assert cosines.grad is not None
    assert cosines.grad.abs().max() < 30 * 710  # the slope of arccos at 1 − 1e-6 is 707
