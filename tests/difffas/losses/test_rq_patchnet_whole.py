"""RQ with the whole of PatchNet is a sum."""

from __future__ import annotations

import torch

from difffas.losses import PatchNetWhole, RelativeQualityPatchNet, RelativeQualityPatchNetWhole
from difffas.losses.patchnet_whole import similarity
from tests.difffas.losses.test_patchnet_whole import two_views
from tests.loss_batches import LIVE


def test_it_is_rq_with_patchnets_margins_and_the_distance() -> None:
    cosines, labels, q, features, _ = two_views()
    margins = (0.35, 0.15, 0.3, 0.25)
    wanted = RelativeQualityPatchNet(LIVE, *margins)(cosines, labels, q) + 0.6 * similarity(features, labels)
    found = RelativeQualityPatchNetWhole(LIVE, *margins, similarity_weight=0.6)(cosines, labels, q, features)
    torch.testing.assert_close(found, wanted)


def test_without_differences_in_quality_it_is_patchnet() -> None:
    cosines, labels, q, features, _ = two_views()
    found = RelativeQualityPatchNetWhole(LIVE)(cosines, labels, torch.zeros_like(q), features)
    torch.testing.assert_close(found, PatchNetWhole(LIVE)(cosines, labels, features=features))
