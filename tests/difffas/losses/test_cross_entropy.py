"""Cross-entropy of cosines is PyTorch's."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from difffas.losses import CrossEntropy
from tests.loss_batches import batch


def test_cross_entropy_is_torchs() -> None:
    cosines, labels, *_ = batch()
    torch.testing.assert_close(CrossEntropy(scale=5.0)(cosines, labels), F.cross_entropy(5.0 * cosines, labels))
