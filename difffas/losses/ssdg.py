"""SSDG's single-side triplet loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from difffas.losses.interface import Batch, Loss, required_features
from difffas.losses.margin_softmax import check_styles, margin_softmax
from difffas.losses.whole_batch import gather, gather_for_one_loss


@dataclass(frozen=True)
class SSDG(Loss):
    """Cross-entropy plus `weight` times the single-side triplet loss of the features (Jia et al., CVPR 2020).

    `live` says for each of the K styles whether it is live, `domains` to which domain it belongs. This is SSDG without
    its adversary; `ssdg-whole` has both.
    """

    live: tuple[bool, ...]
    domains: tuple[str, ...]
    needs_features: ClassVar[bool] = True
    triplet_margin: float = 0.1
    weight: float = 2.0
    scale: float = 30.0

    def value(self, batch: Batch) -> Tensor:
        """Scalar loss of cosines B,K in [-1, 1], labels B and features B,D."""
        separated = margin_softmax(batch.cosines, batch.labels, self.scale)
        check_styles(self.live, "live", batch.cosines)
        triplet = single_side_triplet(batch.features, batch.labels, self.live, self.domains, self.triplet_margin)
        return separated + self.weight * triplet


def single_side_triplet(
    features: Tensor | None, labels: Tensor, live: tuple[bool, ...], domains: tuple[str, ...], margin: float
) -> Tensor:
    """The triplet loss with live faces of all domains as one class and the spoofs of each domain as another class.

    max(0, ‖a − p‖² − ‖a − n‖² + margin), on features B,D scaled to length 1, for p of a's class and n of another.
    Returns the mean over the triplets whose loss is not 0 [ours: the paper sums over all], or 0 without such triplets.
    The triplets are those of the whole batch over all workers, so memory grows with the cube of the batch size.

    Raises:
        ValueError: if there are no features, or `live` and `domains` differ in length.
    """
    if len(live) != len(domains):
        raise ValueError(f"{len(domains)} entries in domains for {len(live)} styles: give one for each style")
    features = F.normalize(required_features(features, labels))
    names = sorted(set(domains))
    classes = [0 if is_live else 1 + names.index(domain) for is_live, domain in zip(live, domains, strict=True)]
    mine = torch.tensor(classes, device=labels.device)[labels]
    return _triplet(gather_for_one_loss(features), gather(mine).to(features.device), margin)


def _triplet(features: Tensor, classes: Tensor, margin: float) -> Tensor:
    with torch.autocast(features.device.type, enabled=False):
        apart = 2.0 - 2.0 * features @ features.T  # squared distances B,B
    same = classes[:, None] == classes[None, :]
    positive = same & ~torch.eye(len(classes), dtype=torch.bool, device=same.device)
    hinge = apart[:, :, None] - apart[:, None, :] + margin  # anchor, positive, negative
    counted = positive[:, :, None] & ~same[:, None, :] & (hinge > 0)
    return (hinge * counted).sum() / counted.sum().clamp(min=1)
