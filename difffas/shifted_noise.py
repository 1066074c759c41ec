"""Noise that sampling meets and plain training never shows: that of a start image which is not the spoof [ours].

Sampling starts from a noised live face a, not from a noised spoof S. In terms of S its noise at T₀ is

    ε̃ = ε + (a − S) / σ_T₀,  σ_t = √((1 − ᾱ_t) / ᾱ_t),

and a deterministic sampler keeps ε̃ all the way down. Trained on ε̃ at every t ≤ T₀, the network learns to take the
start's tint and contrast away; trained on ε alone, it leaves them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from difffas.objective import TrainingNoise
from difffas.schedule import alpha_bar, per_sample

LOWEST_T0, HIGHEST_T0 = 200, 500  # T₀ of training, the range in which spoofs are sampled
FROM_GUIDE = 0.6  # share of starts that are recoloured to the guide; the others are the condition itself


def shift(noise: Tensor, start: Tensor, spoof: Tensor, t0: Tensor) -> Tensor:
    """ε̃ for noise, start and spoof (B, 3, H, W) and start timesteps t0 (B,), long."""
    alpha = alpha_bar(t0)
    return noise + (start - spoof) * per_sample((alpha / (1.0 - alpha)).sqrt(), spoof)


def draw_start_timestep(generator: torch.Generator, timesteps: int) -> tuple[int, int]:
    """T₀ of one sample, and its t, uniform in 0 … T₀; both below `timesteps`."""
    low, high = min(LOWEST_T0, timesteps - 1), min(HIGHEST_T0, timesteps)
    t0 = int(torch.randint(low, high, (), generator=generator))
    return t0, int(torch.randint(t0 + 1, (), generator=generator))


def shifted(draw: TrainingNoise, start: Tensor, spoof: Tensor, t0: Tensor, t: Tensor) -> TrainingNoise:
    """The draws with ε̃ and t where `t0` is 0 or more; where it is −1, the draws stay."""
    chosen = t0 >= 0
    noise = shift(draw.noise, start, spoof, t0.clamp(min=0))
    return draw._replace(
        t=torch.where(chosen, t, draw.t), noise=torch.where(chosen[:, None, None, None], noise, draw.noise)
    )
