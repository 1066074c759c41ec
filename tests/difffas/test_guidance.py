"""Guidance: the equation, the forwards it costs, and what is held between its steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from difffas import guidance
from difffas.guidance import Branches, guided
from difffas.stfm import StyleCondition
from difffas.unet import Features, SpoofUNet
from tests.difffas.rounding import assert_rounding_apart, in_float64

TINY: dict[str, Any] = {"base_channels": 8, "channel_multipliers": (1, 1, 1, 1, 1, 1), "embed_channels": 16}


class Spy(SpoofUNet):  # type: ignore[misc]
    """Notes the batch size of every forward."""

    batches: list[int]

    def forward(self, sample: Tensor, timestep: Tensor, features: Any, *more: Any) -> Any:
        self.batches.append(sample.shape[0])
        return super().forward(sample, timestep, features, *more)


def spy() -> Spy:
    unet = Spy(**TINY).eval()
    generator = torch.Generator().manual_seed(0)
    for module in unet.modules():  # leave the zero start
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight, std=0.1, generator=generator)
    unet.batches = []
    return unet


def guide_features(batch: int) -> Features:
    generator = torch.Generator().manual_seed(batch)
    a, b, c = (torch.randn(batch, 8, side, side, generator=generator) for side in (8, 4, 2))
    return a, b, c


@torch.no_grad()
def test_guidance_equation_and_forwards() -> None:
    unet, features, null = spy(), guide_features(3), guide_features(1)
    generator = torch.Generator().manual_seed(3)
    live, x = (torch.randn(3, 3, 64, 64, generator=generator) for _ in range(2))
    t, w = torch.tensor([5, 400, 77]), torch.tensor([2.0, 1.0, 0.0])
    stride8, stride16, stride32 = (feature.expand(3, -1, -1, -1) for feature in null)
    conditional = unet(torch.cat((x, live), 1), t, features).sample
    unconditional = unet(torch.cat((x, live), 1), t, (stride8, stride16, stride32)).sample
    assert (conditional - unconditional).abs().max() > 1e-3
    unet.batches.clear()

    expected = unconditional + w.view(3, 1, 1, 1) * (conditional - unconditional)
    tolerance = 1e-5 * max(1.0, float(expected.abs().max()))
    branches = Branches(unet, live, unet.encode_conditions(features), unet.encode_conditions(null))
    torch.testing.assert_close(guided(branches, w)(x, t), expected, atol=tolerance, rtol=0)
    assert unet.batches == [3, 3]
    only = guided(branches, torch.ones(3))(x, t)
    assert unet.batches == [3, 3, 3]
    torch.testing.assert_close(only, conditional)


@torch.no_grad()
def test_the_difference_is_held_between_guided_steps() -> None:
    unet = spy()
    generator = torch.Generator().manual_seed(4)
    live, *xs = (torch.randn(2, 3, 64, 64, generator=generator) for _ in range(5))
    times = [torch.full((2,), t) for t in (240, 160, 80, 10)]
    conditions = [unet.encode_conditions(guide_features(batch)) for batch in (2, 1)]
    branches, w = Branches(unet, live, *conditions), torch.tensor([2.5, 0.0])
    both = [branches.both(x, t) for x, t in zip(xs, times, strict=True)]
    unet.batches.clear()

    denoise = guided(branches, w, at=(0, 2))
    made = [denoise(x, t) for x, t in zip(xs, times, strict=True)]
    assert unet.batches == [2, 2, 2, 2, 2, 2]
    for step, last in enumerate((0, 0, 2, 2)):
        conditional, unconditional = both[last]
        expected = both[step][0] + (w - 1).view(2, 1, 1, 1) * (conditional - unconditional)
        torch.testing.assert_close(made[step], expected, atol=1e-5 * float(expected.abs().max()), rtol=0)

    seen = []
    other = guided(branches, w, at=(0,), between=lambda last, conditional, x, t: seen.append(t) or conditional * 0)
    assert torch.equal(other(xs[0], times[0]), made[0])
    torch.testing.assert_close(other(xs[1], times[1]), branches.conditional(xs[1], times[1]))
    assert seen == [times[1]]


def test_the_first_step_is_guided() -> None:
    unet, one = spy(), guide_features(1)
    conditions = unet.encode_conditions(one)
    with pytest.raises(AssertionError, match="the first step"):
        guided(Branches(unet, torch.zeros(1, 3, 64, 64), conditions, conditions), torch.tensor([2.0]), at=(1,))


def widened(conditions: tuple[StyleCondition, ...]) -> tuple[StyleCondition, ...]:
    return tuple(StyleCondition(*(part.double() for part in condition)) for condition in conditions)


@torch.no_grad()
def test_both_branches_in_one_batch_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    unet, generator = spy(), torch.Generator().manual_seed(5)
    live, x = (torch.randn(3, 3, 64, 64, generator=generator) for _ in range(2))
    conditions = [unet.encode_conditions(guide_features(batch)) for batch in (3, 1)]
    t = torch.tensor([5, 400, 77])
    one_by_one = Branches(unet, live, *conditions).both(x, t)
    monkeypatch.setattr(guidance, "_in_one_batch", lambda device: True)
    unet.batches.clear()
    at_once = Branches(unet, live, *conditions).both(x, t)
    assert unet.batches == [6]
    monkeypatch.undo()
    wide = in_float64(unet)
    exact = Branches(wide, live.double(), *(widened(each) for each in conditions)).both(x.double(), t)
    for one, other, right in zip(one_by_one, at_once, exact, strict=True):
        assert_rounding_apart(one, other, right)  # one batch of six, two of three
