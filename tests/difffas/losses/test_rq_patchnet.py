"""RQ with PatchNet's margins against the equation written out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from difffas.losses import RelativeQuality, RelativeQualityPatchNet
from tests.loss_batches import LIVE, batch, softmax_loss, with_target


def test_with_patchnet_by_hand() -> None:
    cosines, labels, q, _, _ = batch()
    target = []
    for row, label, quality in zip(cosines.tolist(), labels.tolist(), q.tolist(), strict=True):
        constant, margin = (0.35, 0.3) if LIVE[label] else (0.15, 0.25)
        theta = min(max(math.acos(row[label]) - margin * quality, 0.0), math.pi)
        target.append(math.cos(theta) - (margin * quality + constant))
    expected = softmax_loss(with_target(cosines, labels, target), labels.tolist())
    loss = RelativeQualityPatchNet(LIVE, 0.35, 0.15, 0.3, 0.25)
    assert loss(cosines, labels, q).item() == pytest.approx(expected, rel=1e-5)
    same = RelativeQualityPatchNet(LIVE, 0.4, 0.2, 0.4, 0.2)(cosines, labels, q)
    assert torch.equal(same, RelativeQuality(LIVE)(cosines, labels, q))
