from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from difffas.matching import Moments, sharpness
from difffas.self_pairs import self_condition


def face(seed: int, contrast: float = 0.4, tint: float = 0.0) -> torch.Tensor:
    """A smooth image, 3 × 32 × 32, alike in structure for one seed."""
    coarse = torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(coarse, (32, 32), mode="bicubic")[0]
    return (smooth * contrast + tint).clamp(-1, 1)


def conditions(spoof: torch.Tensor, live: torch.Tensor, count: int = 64) -> torch.Tensor:
    return torch.stack(
        [self_condition(spoof, live, None, torch.Generator().manual_seed(seed)) for seed in range(count)]
    )


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_a_condition_is_an_image_that_follows_from_the_generator(seed: int) -> None:
    spoof, live = face(seed), face(seed + 1)
    first, second = (self_condition(spoof, live, None, torch.Generator().manual_seed(seed)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == spoof.shape and first.dtype == spoof.dtype and float(first.abs().max()) <= 1


def test_conditions_keep_the_structure_of_the_spoof_and_the_tint_of_the_live_face() -> None:
    spoof, live = face(1, tint=-0.4), face(2, tint=0.4)
    found = conditions(spoof, live)
    flat = lambda image: torch.nn.functional.avg_pool2d(image, 4).flatten()  # noqa: E731
    likeness = lambda one, other: float(torch.corrcoef(torch.stack((flat(one), flat(other))))[0, 1])  # noqa: E731
    assert min(likeness(each, spoof) for each in found) > 0.8
    assert max(likeness(each, live) for each in found) < 0.6
    assert abs(float(found.mean() - live.mean())) < 0.1 < abs(float(found.mean() - spoof.mean()))


def test_the_sharpness_of_a_style_is_taken_away_from_some_conditions() -> None:
    sharp = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(5)) * 2 - 1
    soft = torch.nn.functional.avg_pool2d(sharp, 5, 1, 2)
    carry = sharpness(Moments.of(sharp).statistics, Moments.of(soft).statistics)
    seeds = range(32)
    without, carried = (
        torch.stack([self_condition(sharp[0], soft[0], to_live, torch.Generator().manual_seed(s)) for s in seeds])
        for to_live in (None, carry)
    )
    changed = (without != carried).flatten(1).any(1)
    assert 5 < int(changed.sum()) < 27, "about half of the conditions are carried back"
