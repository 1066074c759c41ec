"""The generator's training loss (paper Eq. 2, 5-7): mean squared error on ε, with the style dropped at random."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from difffas.posterior import estimate, posterior
from difffas.schedule import TIMESTEPS, alpha_bar, per_sample, q_sample

STYLE_DROPOUT = 0.2
Weighting = Literal["noise", "velocity"]
MOST_WEIGHT = 25.0  # 1/ᾱ_t grows without bound; reached at t = 562


class TrainingNoise(NamedTuple):
    """Everything random in one training step."""

    t: Tensor  # B, long, uniform in 0 … timesteps − 1
    noise: Tensor  # B, 3, H, W, standard normal
    keep_style: Tensor  # B, bool
    keep_live: Tensor  # B, bool


class TrainingLoss(NamedTuple):
    """total = weighted mse + mean of variational (zeros if the variance is not learned)."""

    total: Tensor  # scalar
    mse: Tensor  # scalar
    variational: Tensor  # B, bits per dimension


def draw_training_noise(
    shape: torch.Size | tuple[int, ...],
    generator: torch.Generator,
    style_dropout: float = STYLE_DROPOUT,
    timesteps: int = TIMESTEPS,
    drop_live: bool = False,
) -> TrainingNoise:
    """Draw t below `timesteps`, ε and the masks for images of `shape` (B, 3, H, W) from a CPU generator.

    The live face is always kept [ours: at sampling it is always present]; with `drop_live` it is dropped together with
    the style, as in the release.
    """
    t = torch.randint(timesteps, (shape[0],), generator=generator)
    noise = torch.randn(tuple(shape), generator=generator)
    keep_style = torch.rand(shape[0], generator=generator) >= style_dropout
    keep_live = keep_style if drop_live else torch.ones_like(keep_style)
    return TrainingNoise(t, noise, keep_style, keep_live)


def training_loss(
    unet: Callable[..., Any],
    style_encoder: Callable[[Tensor], Any],
    spoof: Tensor,
    live: Tensor,
    guide: Tensor,
    draw: TrainingNoise,
    weighting: Weighting = "noise",
) -> TrainingLoss:
    """Loss of one batch: x₀ = spoof is noised, and ε is predicted from [x_t ⊕ live], t and the guide's features.

    All images are (B, 3, H, W) in [-1, 1]; each row of the batch is a pair of one subject and domain. If the style is
    dropped, the guide becomes the all-zero image. The encoder is frozen: it runs without gradient and must be in eval
    mode. `unet` may be wrapped (DDP, compile). A network with six output channels adds the variational term of
    learned variances (Nichol & Dhariwal 2021, §3.1), with weight 1.

    `weighting` noise gives every t the weight 1, as the paper does. velocity weighs an error on ε by 1/ᾱ_t, at most
    `MOST_WEIGHT`: that is the error on v = √ᾱ_t ε − √(1 − ᾱ_t) x₀ (Salimans & Ho 2022, §4). The noisy half, where the
    guide decides what arises, then counts as much as the fine detail of small t [ours].
    """
    assert not getattr(style_encoder, "training", False), "the style encoder is frozen: call .eval()"
    t, noise = draw.t, draw.noise.to(spoof.device)
    kept_guide = guide * per_sample(draw.keep_style, guide)
    with torch.no_grad():
        features, _ = style_encoder(kept_guide)
    x_t = q_sample(spoof, t, noise)
    kept_live = live * per_sample(draw.keep_live, live)
    output = unet(torch.cat((x_t, kept_live), dim=1), t.to(spoof.device), features).sample.float()
    eps = output[:, :3]
    error = (eps - noise).square()
    mse = error.mean()
    weighted = mse if weighting == "noise" else (error * per_sample(_velocity_weight(t), error)).mean()
    variational = torch.zeros(spoof.shape[0], device=spoof.device)
    if output.shape[1] == 6:
        variational = variational_term(spoof, x_t, t, eps.detach(), output[:, 3:])
    return TrainingLoss(weighted + variational.mean(), mse, variational)


def _velocity_weight(t: Tensor) -> Tensor:
    """B: 1/ᾱ_t, at most `MOST_WEIGHT`."""
    return (1.0 / alpha_bar(t)).clamp(max=MOST_WEIGHT)


def variational_term(x0: Tensor, x_t: Tensor, t: Tensor, eps: Tensor, v: Tensor) -> Tensor:
    """Per-sample term of the variational bound at timestep t, in bits per dimension, shape B.

    t > 0: KL( q(x_{t−1} | x_t, x₀) ‖ N(mean, σ²) ); t = 0: −log of the Gaussian discretised to 256 levels.
    `posterior.estimate` gives the mean and σ².
    """
    true = posterior(t, t - 1)
    mean, log_variance, _ = estimate(x_t, torch.cat((eps, v), dim=1), t, t - 1)
    true_mean = per_sample(true.clean, x0) * x0 + per_sample(true.noisy, x0) * x_t
    true_log_variance = per_sample(true.log_smallest, x0)

    divergence = 0.5 * (
        log_variance
        - true_log_variance
        + (true_log_variance - log_variance).exp()
        + (true_mean - mean).square() * (-log_variance).exp()
        - 1.0
    )
    likelihood = _discretised_log_likelihood(x0, mean, 0.5 * log_variance)
    nats = torch.where(per_sample(t, x0) == 0, -likelihood, divergence)
    return nats.mean(dim=(1, 2, 3)) / math.log(2.0)


def _discretised_log_likelihood(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """log of the Gaussian's mass in the bin x ± 1/255; the outermost bins reach to ±∞."""
    centred, inverse = x - mean, (-log_scale).exp()
    upper = _normal_cdf(inverse * (centred + 1.0 / 255.0))
    lower = _normal_cdf(inverse * (centred - 1.0 / 255.0))
    mass = torch.where(x < -0.999, upper, torch.where(x > 0.999, 1.0 - lower, upper - lower))
    return mass.clamp(min=1e-12).log()


def _normal_cdf(z: Tensor) -> Tensor:
    """The tanh approximation of the normal distribution function."""
    return 0.5 * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (z + 0.044715 * z**3)))
