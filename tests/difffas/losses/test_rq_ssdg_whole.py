"""RQ with the whole of SSDG is a sum."""

from __future__ import annotations

import torch

from difffas.losses import RelativeQuality, RelativeQualitySSDGWhole
from difffas.losses.domain_discriminator import single_side_adversarial
from difffas.losses.ssdg import single_side_triplet
from tests.loss_batches import DOMAINS, LIVE, batch


def test_it_is_rq_the_triplets_and_the_adversary() -> None:
    cosines, labels, q, features, _ = batch().double()
    logits = features[:, :2]
    loss = RelativeQualitySSDGWhole(LIVE, DOMAINS, 0.3, 0.25, triplet_margin=0.3, weight=0.7, adversarial_weight=0.4)
    triplets = single_side_triplet(features, labels, LIVE, DOMAINS, 0.3)
    adversary = single_side_adversarial(logits, labels, LIVE, DOMAINS)
    wanted = RelativeQuality(LIVE, 0.3, 0.25)(cosines, labels, q) + 0.7 * triplets + 0.4 * adversary
    torch.testing.assert_close(loss(cosines, labels, q, features, logits), wanted)
    assert min(triplets.item(), adversary.item()) > 0


def test_without_differences_in_quality_it_has_constant_margins() -> None:
    cosines, labels, q, features, _ = batch().double()
    loss = RelativeQualitySSDGWhole(LIVE, DOMAINS, weight=0.0, adversarial_weight=0.0)
    same = loss(cosines, labels, torch.zeros_like(q), features, features[:, :2])
    torch.testing.assert_close(same, RelativeQuality(LIVE)(cosines, labels, torch.zeros_like(q)))
