"""What training calls, and the checks that all losses share."""

from __future__ import annotations

from typing import ClassVar, Protocol

import torch
from torch import Tensor


class Loss(Protocol):
    """A frozen dataclass that is called with what a classifier says of a batch and returns the batch's mean loss.

    Cosines B,K in [-1, 1] are those between a sample and each of the K styles, labels int64 B. `quality` B is each
    sample's relative quality in [-1, 1] within its whole batch (`relative_quality`), `features` B,D its embedding,
    from which the cosines come. A loss ignores what it does not use and computes in float32, or in float64 if given
    that.

    Of several workers each calls it with its equal share of the batch. The mean over the workers of the values, and
    of the gradients, is that of one worker with the whole batch.

    Raises:
        ValueError: on shapes that do not fit, and where what the loss uses is not given.
    """

    needs_features: ClassVar[bool]  # compares the samples of a batch by them: a batch cannot be taken in parts

    def __call__(
        self, cosines: Tensor, labels: Tensor, quality: Tensor | None = None, features: Tensor | None = None
    ) -> Tensor:
        """The scalar loss."""


def check(cosines: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless cosines are B,K and labels B."""
    if cosines.ndim != 2 or labels.shape != cosines.shape[:1]:
        raise ValueError(f"cosines {tuple(cosines.shape)} and labels {tuple(labels.shape)}: give B,K and B")


def required_features(features: Tensor | None, labels: Tensor) -> Tensor:
    """The features, wide; raises ValueError unless they are B,D."""
    if features is None or features.ndim != 2 or len(features) != len(labels):
        shape = None if features is None else tuple(features.shape)
        raise ValueError(f"features of shape {shape}: this loss needs the embeddings of {len(labels)} samples, B,D")
    return wide(features)


def wide(values: Tensor) -> Tensor:
    """`values` in float32, or float64 if they have that."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
