"""Without workers a share is the batch; for two workers see tests/factory/train/recipes/test_losses.py."""

from __future__ import annotations

import torch

from difffas.losses import over_workers, relative_quality
from difffas.losses.whole_batch import gather, gather_for_one_loss, part_of_mean, standardise
from tests.loss_batches import batch


def test_alone_the_share_is_the_batch() -> None:
    samples = batch()
    assert torch.equal(over_workers(relative_quality, samples.scores), samples.quality)
    assert torch.equal(gather(samples.features), samples.features)
    features = samples.features.requires_grad_()
    assert not gather(features).requires_grad
    assert gather_for_one_loss(features) is features


def test_alone_a_part_of_a_mean_is_the_mean() -> None:
    values, counted = torch.tensor([1.0, 5.0, 3.0]), torch.tensor([True, False, True])
    assert part_of_mean(values[counted].sum(), counted).item() == 2.0
    assert part_of_mean(torch.zeros(()), torch.zeros(3, dtype=torch.bool)).item() == 0.0


def test_standardised_values_have_mean_zero_and_deviation_one() -> None:
    values = standardise(torch.rand(1000, generator=torch.Generator().manual_seed(0)) * 7 - 90)
    assert values.mean().abs() < 1e-5
    assert abs(values.std(correction=0).item() - 1) < 1e-5
