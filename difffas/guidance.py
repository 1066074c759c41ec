"""Classifier-free guidance (paper Eq. 12), at every step or at a few of them.

ε̂ = ε_u + w·(ε_c − ε_u) is written ε_c + (w−1)·δ with δ = ε_c − ε_u, which is exact at w = 1. δ changes slowly along a
trajectory, so δ may be held constant between the steps at which ε_u is computed [ours]; benchmarks/sampler.md compares
this with omitting guidance at those steps (Kynkäänniemi et al. 2024) and with a residual one (Kodaira et al. 2023).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from difffas.schedule import per_sample, upload
from difffas.stfm import StyleCondition
from difffas.unet import SpoofUNet

Denoiser = Callable[[Tensor, Tensor], Tensor]
Conditions = Sequence[StyleCondition]  # one for each of the seven STFMs, see `SpoofUNet.encode_conditions`


class Branches:
    """The network with its live faces and both conditions set; returns ε (and v) as float32.

    live is B, 3, H, W; `conditions` have B rows; `null_conditions`, those of the all-zero image, have one row.
    """

    def __init__(self, unet: SpoofUNet, live: Tensor, conditions: Conditions, null_conditions: Conditions) -> None:
        self.unet, self.live = unet, live
        self._conditions = tuple(StyleCondition(*(part.to(unet.dtype) for part in each)) for each in conditions)
        self._null = tuple(
            StyleCondition(*(part.to(unet.dtype).expand(len(live), -1, -1) for part in each))
            for each in null_conditions
        )
        self._together = _in_one_batch(live.device)
        if self._together:
            self._live_twice = live.repeat(2, 1, 1, 1)
            pairs = zip(self._conditions, self._null, strict=True)
            self._both = tuple(StyleCondition(*map(torch.cat, zip(*pair, strict=True))) for pair in pairs)

    def conditional(self, x: Tensor, t: Tensor) -> Tensor:
        """ε_c for x (B, 3, H, W) at t (B,)."""
        return self._predict(x, self.live, t, self._conditions)

    def both(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """ε_c and ε_u."""
        if not self._together:
            return self.conditional(x, t), self._predict(x, self.live, t, self._null)
        pair = self._predict(x.repeat(2, 1, 1, 1), self._live_twice, t.repeat(2), self._both)
        conditional, unconditional = pair.chunk(2)
        return conditional, unconditional

    def _predict(self, x: Tensor, live: Tensor, t: Tensor, conditions: tuple[StyleCondition, ...]) -> Tensor:
        sample = torch.cat((x, live), dim=1).to(self.unet.dtype)
        output: Tensor = self.unet(sample, t.to(x.device), conditions).sample
        return output.float()


def _in_one_batch(device: torch.device) -> bool:
    """Whether to run 2B images at once: they use a GPU better, but overflow a CPU's caches (a fifth slower at 64²)."""
    return device.type != "cpu"


class Guided(NamedTuple):
    """A step at which both branches were computed: its x and t, its ε_u, and δ = ε_c − ε_u."""

    x: Tensor
    t: Tensor
    unconditional: Tensor
    delta: Tensor


Between = Callable[[Guided, Tensor, Tensor, Tensor], Tensor]  # last guided step, ε_c, x, t → δ at a step between


def held(last: Guided, conditional: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """δ of the last guided step."""
    return last.delta


def guided(
    branches: Branches, cfg_scale: Tensor, at: Collection[int] | None = None, between: Between = held
) -> Denoiser:
    """Build the denoiser for one run of a sampler, with one w per sample; the denoiser counts its calls.

    Args:
        branches: the network.
        cfg_scale: w, (B,), on the CPU. If every w is 1, only the conditional branch is ever computed.
        at: the steps, counted from 0, at which ε_u is computed; must include 0. None means every step.
        between: computes δ at the other steps.
    """
    assert at is None or 0 in at, f"guided at {at}: the first step must be among them"
    excess = cfg_scale - 1.0
    if not bool(excess.any()):
        return branches.conditional
    weight = upload(per_sample(excess, excess), branches.live.device)
    steps = itertools.count()
    last: Guided | None = None

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        nonlocal last
        if at is None or next(steps) in at:
            conditional, unconditional = branches.both(x, t)
            last = Guided(x, t, unconditional, conditional - unconditional)
            return conditional + weight * last.delta
        assert last is not None
        conditional = branches.conditional(x, t)
        return conditional + weight * between(last, conditional, x, t)

    return denoise
