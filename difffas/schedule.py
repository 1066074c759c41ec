"""The diffusion process: linear β, x_t = √ᾱ_t·x₀ + √(1−ᾱ_t)·ε (paper Eq. 2), and per-sample timestep tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

TIMESTEPS = 1000  # T
BETA_START, BETA_END = 1e-4, 2e-2

Offset = Literal["trailing", "official"]


@lru_cache(maxsize=1)
def betas() -> Tensor:
    """β_t, linear from 1e-4 to 2e-2; float64, shape T, t = 0 … T−1."""
    return torch.linspace(BETA_START, BETA_END, TIMESTEPS, dtype=torch.float64)


@lru_cache(maxsize=1)
def alphas_cumprod() -> Tensor:
    """ᾱ_t = Π_{s≤t} (1 − β_s); float64, shape T."""
    return torch.cumprod(1.0 - betas(), dim=0)


def alpha_bar(t: Tensor) -> Tensor:
    """ᾱ at timesteps t (any shape, long); ᾱ_{−1} = 1, the clean image. float64."""
    return _alpha_bar_on(t.device)[t]


@lru_cache
def _alpha_bar_on(device: torch.device) -> Tensor:
    """The table on a device, copied once, because a copy at every step would make a GPU wait for the host."""
    table = torch.cat((alphas_cumprod(), torch.ones(1, dtype=torch.float64)))  # index −1 is the last entry: 1
    return table.to(device)


def upload(values: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a device; from the host to a GPU through pinned memory, so that neither waits for the other."""
    if device.type == "cuda" and values.device.type == "cpu":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


def per_sample(values: Tensor, like: Tensor) -> Tensor:
    """One float64 value per sample (B) → float32, shape B, 1, 1, 1, on the device of `like`."""
    return values.to(device=like.device, dtype=torch.float32).reshape(-1, 1, 1, 1)


def q_sample(x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """Noise x₀ (B, C, H, W) to timestep t (B,): √ᾱ_t·x₀ + √(1−ᾱ_t)·noise."""
    alpha = alpha_bar(t)
    return per_sample(alpha.sqrt(), x0) * x0 + per_sample((1.0 - alpha).sqrt(), x0) * noise


def timestep_table(
    t0: Sequence[int] | Tensor, steps: int, offset: Offset = "trailing", spacing: float = 1.0
) -> Tensor:
    """The timesteps of each sample's network calls, from noisy to clean; long, shape B, steps, strictly falling.

    `t0` holds T₀ of each sample, steps ≤ T₀ ≤ 1000.
    offset "trailing" [ours]: t_k = round(k·T₀/steps) − 1 for k = steps … 1; T₀ = 250 in 25 steps: 249, 239 … 9.
    offset "official": t_k = ⌊(k−1)·T₀/steps⌋; 240, 230 … 0, while the live image is noised to index T₀ itself.
    spacing ρ > 1 (trailing only) puts more of the steps at small t, where the detail appears:
        t_k = max(round((k/steps)^ρ·T₀), k) − 1; ρ = 1 is even spacing.
    Raises ValueError outside these ranges.
    """
    start = torch.as_tensor(t0, dtype=torch.int64).reshape(-1, 1)  # B, 1
    highest = TIMESTEPS if offset == "trailing" else TIMESTEPS - 1
    if steps < 1:
        raise ValueError(f"steps is {steps}: give at least 1")
    if offset not in ("trailing", "official"):
        raise ValueError(f'offset {offset!r} is unknown: use "trailing" or "official"')
    if bool((start < steps).any()) or bool((start > highest).any()):
        raise ValueError(f"t0 {start.flatten().tolist()}: every value must lie in [{steps} (= steps), {highest}]")
    if spacing < 1.0 or (spacing > 1.0 and offset == "official"):
        raise ValueError(f'spacing {spacing:g} with offset {offset!r}: give 1, or more with offset "trailing"')
    k = torch.arange(steps, 0, -1, dtype=torch.int64)
    if offset == "official":
        return (k - 1) * start // steps
    if spacing == 1.0:
        return torch.round(k.double() * start / steps).long() - 1
    return torch.maximum(torch.round((k.double() / steps) ** spacing * start).long(), k) - 1


def start_timesteps(t0: Sequence[int] | Tensor, steps: int, offset: Offset = "trailing") -> Tensor:
    """The index to which the live image is noised, long, shape B: the first network call's, or T₀ (official)."""
    if offset == "official":
        return torch.as_tensor(t0, dtype=torch.int64).reshape(-1)
    return timestep_table(t0, steps, offset)[:, 0]


def ddim_scheduler() -> DDIMScheduler:
    """The same process as a diffusers scheduler, which travels in a model folder so that diffusers' tools read it."""
    scheduler: DDIMScheduler = DDIMScheduler(
        num_train_timesteps=TIMESTEPS,
        beta_start=BETA_START,
        beta_end=BETA_END,
        beta_schedule="linear",
        clip_sample=False,
        set_alpha_to_one=True,
        prediction_type="epsilon",
        timestep_spacing="trailing",
    )
    return scheduler
