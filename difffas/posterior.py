"""One reverse step of the process, x_t → x_s: q(x_s | x_t, x₀) and the network's estimate of it.

Ho et al. 2020, Eq. 6 and 7, with the learned variance of Nichol & Dhariwal 2021, Eq. 15. Steps may skip timesteps.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from difffas.schedule import alpha_bar, per_sample


class Posterior(NamedTuple):
    """q(x_s | x_t, x₀) = N(clean·x₀ + noisy·x_t, β̃); every field float64, shape B."""

    clean: Tensor
    noisy: Tensor
    log_smallest: Tensor  # log β̃, the variance if x₀ is known; β̃ = 0 at s = −1 is replaced by β̃_1
    log_largest: Tensor  # log β, the variance if nothing is known


class Estimate(NamedTuple):
    """The network's N(mean, exp(log_variance)) for x_s, and its x̂₀ clamped to [-1, 1]; B, 3, H, W."""

    mean: Tensor
    log_variance: Tensor
    clean: Tensor


def posterior(t: Tensor, s: Tensor) -> Posterior:
    """The true posterior of the step t → s, both (B,) long, −1 ≤ s < t."""
    alpha_t, alpha_s = alpha_bar(t), alpha_bar(s)
    ratio = alpha_t / alpha_s  # α of the step
    beta = 1.0 - ratio
    first, zeroth = alpha_bar(torch.ones_like(t)), alpha_bar(torch.zeros_like(t))
    smallest_1 = (1.0 - first / zeroth) * (1.0 - zeroth) / (1.0 - first)  # β̃_1
    smallest = torch.where(s < 0, smallest_1, beta * (1.0 - alpha_s) / (1.0 - alpha_t))
    return Posterior(
        clean=alpha_s.sqrt() * beta / (1.0 - alpha_t),
        noisy=ratio.sqrt() * (1.0 - alpha_s) / (1.0 - alpha_t),
        log_smallest=smallest.log(),
        log_largest=beta.log(),
    )


def predict_clean(x: Tensor, eps: Tensor, t: Tensor) -> Tensor:
    """x̂₀ = (x_t − √(1−ᾱ_t)·ε) / √ᾱ_t, not clamped."""
    alpha = alpha_bar(t)
    return (x - per_sample((1.0 - alpha).sqrt(), x) * eps) / per_sample(alpha.sqrt(), x)


def estimate(x: Tensor, output: Tensor, t: Tensor, s: Tensor) -> Estimate:
    """The estimate from x_t (B, 3, H, W) and the network's output, ε (B, 3, H, W) or ε ⊕ v (B, 6, H, W).

    log σ² = f·log β + (1−f)·log β̃ with f = (v+1)/2, v unbounded; without v, σ² = β̃.
    """
    channels = x.shape[1]
    true = posterior(t, s)
    clean = predict_clean(x, output[:, :channels], t).clamp(-1.0, 1.0)
    mean = per_sample(true.clean, x) * clean + per_sample(true.noisy, x) * x
    log_variance = per_sample(true.log_smallest, x)
    if output.shape[1] == 2 * channels:
        fraction = (output[:, channels:] + 1.0) / 2.0
        log_variance = fraction * per_sample(true.log_largest, x) + (1.0 - fraction) * log_variance
    return Estimate(mean, log_variance, clean)
