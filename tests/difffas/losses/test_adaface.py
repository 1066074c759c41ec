"""AdaFace against its equation written out by hand."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from difffas.losses import AdaFace, CosFace
from tests.loss_batches import angles, batch, softmax_loss, with_target


def test_adaface_by_hand() -> None:
    cosines, labels, _, features, _ = batch()
    norms = features.norm(dim=1)
    z = ((norms - norms.mean()) / norms.std(correction=0) * 0.333).clamp(-1, 1).tolist()
    both = [
        math.cos(max(angle - 0.4 * q, 0.0)) - 0.4 * q - 0.4
        for angle, q in zip(angles(cosines, labels), z, strict=True)
    ]
    expected = softmax_loss(with_target(cosines, labels, both), labels.tolist())
    assert AdaFace()(cosines, labels, features=features).item() == pytest.approx(expected, rel=1e-5)


def test_adaface_of_equal_norms_is_cosface() -> None:
    cosines, labels, _, features, _ = batch()
    unit = 3.0 * F.one_hot(torch.arange(12) % 5, 5).float()
    for equal, rows in ((unit, slice(None)), (features, slice(0, 1))):  # σ = 0; a batch of one
        value = AdaFace(margin=0.3)(cosines[rows], labels[rows], features=equal[rows])
        torch.testing.assert_close(value, CosFace(margin=0.3)(cosines[rows], labels[rows]), rtol=1e-4, atol=1e-4)


def test_adaface_sends_no_gradient_through_the_norms() -> None:
    cosines, labels, _, features, _ = batch()
    assert not AdaFace()(cosines, labels, features=features.requires_grad_()).requires_grad
