"""SSDG's single-side adversary: a discriminator of the domains of live faces, behind a gradient reversal."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from difffas.losses.interface import wide
from difffas.losses.reversal import reverse_gradient
from difffas.losses.whole_batch import part_of_mean

IGNORED = -100  # cross_entropy's number for a sample that does not count


class DomainDiscriminator(nn.Module):
    """Two layers that tell the domain of a face from its embedding of length 1.

    Width × width, ReLU, width × domains [ours: SSDG (Jia et al., CVPR 2020) names a discriminator, and we add no
    dropout, so that a step has one value].
    """

    def __init__(self, width: int, num_domains: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, num_domains))

    def forward(self, features: Tensor, strength: Tensor | float) -> Tensor:
        """Embeddings B,D → logits B,N. The gradient for the embeddings is multiplied by −`strength`; the gradient for
        the layers is not.
        """
        logits: Tensor = self.layers(reverse_gradient(F.normalize(features), strength))
        return logits


class WithDiscriminator(nn.Module):
    """A classifier and the discriminator that is trained with it, as one network to distribute and to checkpoint.

    Called with images alone, the classifier answers.
    """

    def __init__(self, classifier: nn.Module, width: int, num_domains: int) -> None:
        super().__init__()
        self.classifier, self.discriminator = classifier, DomainDiscriminator(width, num_domains)

    def forward(
        self, images: Tensor, with_features: bool = False, strength: Tensor | float = 0.0
    ) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        """Images B,3,H,W → the classifier's answer; `with_features`: (cosines B,K, embeddings B,D, logits B,N).

        `strength` is that of the gradient reversal (`reversal_strength`).
        """
        if not with_features:
            answer: Tensor = self.classifier(images)
            return answer
        cosines, features = self.classifier(images, with_features=True)
        return cosines, features, self.discriminator(features, strength)


def live_domains(live: Sequence[bool], domains: Sequence[str]) -> list[str]:
    """The domains that have a live style, sorted: the classes of the discriminator."""
    return sorted({domain for is_live, domain in zip(live, domains, strict=True) if is_live})


def single_side_adversarial(
    domain_logits: Tensor | None, labels: Tensor, live: Sequence[bool], domains: Sequence[str]
) -> Tensor:
    """Cross-entropy of the domains of the live faces, averaged over the live faces of the whole batch; 0 without any.

    Spoofs do not count: only live faces shall be alike in all domains. `domain_logits` are B,N, in the order of
    `live_domains`; `live` and `domains` describe the K styles.

    Raises:
        ValueError: for logits of another shape.
    """
    names = live_domains(live, domains)
    if domain_logits is None or domain_logits.shape != (len(labels), len(names)):
        shape = None if domain_logits is None else tuple(domain_logits.shape)
        raise ValueError(
            f"domain_logits of shape {shape}: this loss needs {len(labels)} samples × {len(names)} domains"
        )
    places = [names.index(domain) if is_live else IGNORED for is_live, domain in zip(live, domains, strict=True)]
    wanted = torch.tensor(places, device=labels.device)[labels]
    total = F.cross_entropy(wide(domain_logits), wanted, ignore_index=IGNORED, reduction="sum")
    return part_of_mean(total, wanted != IGNORED)
