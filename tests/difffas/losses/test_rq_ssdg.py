"""RQ with SSDG's triplets is a sum, and so is SSDG."""

from __future__ import annotations

import torch
from torch import Tensor

from difffas.losses import SSDG, CrossEntropy, RelativeQuality, RelativeQualitySSDG
from difffas.losses.ssdg import single_side_triplet
from tests.loss_batches import DOMAINS, LIVE, batch


def triplet(features: Tensor | None, labels: Tensor, margin: float = 0.1) -> Tensor:
    return single_side_triplet(features, labels, LIVE, DOMAINS, margin)


def test_combinations_are_sums() -> None:
    cosines, labels, q, features, _ = batch()
    part = single_side_triplet(features, labels, LIVE, DOMAINS, 0.3)
    assert part > 0
    ssdg = SSDG(LIVE, DOMAINS, triplet_margin=0.3, weight=0.7)(cosines, labels, features=features)
    torch.testing.assert_close(ssdg, CrossEntropy()(cosines, labels) + 0.7 * part)
    both = RelativeQualitySSDG(LIVE, DOMAINS, triplet_margin=0.3, weight=0.7)(cosines, labels, q, features)
    torch.testing.assert_close(both, RelativeQuality(LIVE)(cosines, labels, q) + 0.7 * part)
