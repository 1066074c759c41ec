"""CosFace against its equation written out by hand."""

from __future__ import annotations

import math

import pytest

from difffas.losses import CosFace
from tests.loss_batches import angles, batch, softmax_loss, with_target


def test_cosface_by_hand() -> None:
    cosines, labels, *_ = batch()
    add = [math.cos(angle) - 0.35 for angle in angles(cosines, labels)]
    expected = softmax_loss(with_target(cosines, labels, add), labels.tolist())
    assert CosFace()(cosines, labels).item() == pytest.approx(expected, rel=1e-5)
