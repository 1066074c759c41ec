"""PatchNet: asymmetric margins on patches, and two patches of a face that shall agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from difffas.losses.interface import Batch, Loss, required_features
from difffas.losses.patchnet import PatchNet


@dataclass(frozen=True)
class PatchNetWhole(Loss):
    """`patchnet` on two patches of each face, plus `similarity_weight` times the distance of the two.

    The whole of PatchNet (Wang et al., CVPR 2022) together with the patches of `difffas.patches`, whose side is
    `patch_share` of the face's. `live` says for each of the K styles whether it is live.
    """

    live: tuple[bool, ...]
    views: ClassVar[int] = 2
    live_margin: float = 0.4
    spoof_margin: float = 0.1
    similarity_weight: float = 1.0
    patch_share: float = 0.625  # of the side of a face: 160 of 256 pixels
    scale: float = 30.0

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1], labels B and features B,D of two views."""
        margins = PatchNet(self.live, self.live_margin, self.spoof_margin, self.scale)
        return margins.value(batch) + self.similarity_weight * similarity(batch.features, batch.labels)


def similarity(features: Tensor | None, labels: Tensor) -> Tensor:
    """Mean squared distance of the two views of each face, on features B,D scaled to length 1.

    Sample i and sample B/2 + i are the views of one face. Squared [ours: its slope is 0 where the views agree].

    Raises:
        ValueError: without features, or if the halves hold different styles.
    """
    wanted = required_features(features, labels)
    if len(labels) % 2 or not labels[: len(labels) // 2].equal(labels[len(labels) // 2 :]):
        raise ValueError(f"{len(labels)} samples are not two views of the same faces: give sample B/2 + i beside i")
    first, second = F.normalize(wanted).chunk(2)
    return (first - second).square().sum(dim=1).mean()
