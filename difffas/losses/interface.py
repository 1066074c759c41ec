"""The interface of a loss that training calls, and the checks that all losses share."""

from __future__ import annotations

import typing
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """What a loss may look at; `Loss` says what each is."""

    cosines: Tensor
    labels: Tensor
    quality: Tensor | None = None
    features: Tensor | None = None
    domain_logits: Tensor | None = None


class Loss(typing.Protocol):
    """A frozen dataclass that is called with a classifier's outputs for a batch and returns the batch's mean loss.

    A loss defines `value`. `cosines` B,K in [-1, 1] are those between each sample and each of the K styles; `labels`
    are int64 B. `quality` B is each sample's relative quality in [-1, 1] within its whole batch (`relative_quality`);
    `features` B,D are the embeddings from which the cosines are computed; `domain_logits` B,N are those of a
    `DomainDiscriminator` of the features. A loss ignores what it does not use. It computes in float32, or in
    float64 if the inputs are float64.

    A loss of two views is called with two patches of each face, B even: sample i and sample B/2 + i are of one face.

    With several workers, each calls the loss with its equal share of the batch. The mean of the workers' values, and
    of their gradients, equals the value and gradient of one worker with the whole batch.

    Raises:
        ValueError: if shapes do not fit, or an argument that the loss needs is missing.
    """

    needs_features: ClassVar[bool] = False  # compares a batch's faces by their features: a batch cannot be split
    adversarial: ClassVar[bool] = False  # needs domain_logits: the discriminator is trained beside the network
    views: ClassVar[int] = 1  # of a face: 1, the whole face; 2, two patches (`difffas.patches`)

    def value(self, batch: Batch) -> Tensor:
        """The scalar loss."""

    def __call__(
        self,
        cosines: Tensor,
        labels: Tensor,
        quality: Tensor | None = None,
        features: Tensor | None = None,
        domain_logits: Tensor | None = None,
    ) -> Tensor:
        """The scalar loss."""
        return self.value(Batch(cosines, labels, quality, features, domain_logits))


def check(cosines: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless cosines are B,K and labels B."""
    if cosines.ndim != 2 or labels.shape != cosines.shape[:1]:
        raise ValueError(f"cosines {tuple(cosines.shape)} and labels {tuple(labels.shape)}: give B,K and B")


def required_features(features: Tensor | None, labels: Tensor) -> Tensor:
    """The features in float32 or float64; raises ValueError unless they are B,D."""
    if features is None or features.ndim != 2 or len(features) != len(labels):
        shape = None if features is None else tuple(features.shape)
        raise ValueError(f"features of shape {shape}: this loss needs the embeddings of {len(labels)} samples, B,D")
    return wide(features)


def wide(values: Tensor) -> Tensor:
    """`values` in float32, or in float64 if they are float64."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
