"""How a sample varies follows from its counter, so a training is the same for any number of workers."""

from __future__ import annotations

import numpy as np
import torch

from factory.train.recipes.varied import varied

COUNTERS = np.arange(40, 46)


def test_a_sample_varies_by_its_counter_alone() -> None:
    images = torch.rand(6, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    found = varied(images, COUNTERS, 7)
    assert found.shape == images.shape
    assert torch.equal(found[2:5], varied(images[2:5], COUNTERS[2:5], 7))
    assert not torch.equal(found, varied(images, COUNTERS + 1, 7)) and not torch.equal(
        found, varied(images, COUNTERS, 8)
    )


def test_about_half_are_covered_and_nearly_all_moved() -> None:
    image = torch.arange(32 * 32.0).reshape(1, 1, 32, 32).expand(400, 1, 32, 32)
    found = varied(image, np.arange(400), 0)
    flat = found.flatten(1)
    covered = (flat == flat.mode(dim=1, keepdim=True).values).sum(
        1
    ) > 50  # else no value is there more than four times
    assert 0.4 < covered.float().mean() < 0.6
    assert (found != image).flatten(1).any(1).float().mean() > 0.9
