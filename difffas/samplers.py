"""Samplers as plain functions of (model, x, per-sample timestep table, noise source).

Diffusers' schedulers hold one step index per batch; here every sample of a batch may run its own T₀. At a uniform T₀
the results are those of diffusers' DDIMScheduler, DDPMScheduler and DPMSolverMultistepScheduler.

In every sampler, `model(x, t)` takes x (B, 3, H, W) and t (B,) long and returns (B, 3, H, W) ε, or (B, 6, H, W) ε ⊕ v;
`x` is noised to `timesteps[:, 0]`; `timesteps` is (B, steps) long on the CPU, strictly falling along each row;
the result is the clean image (B, 3, H, W), not clamped. Samplers raise ValueError for any other table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from difffas.guidance import Denoiser
from difffas.posterior import estimate, predict_clean
from difffas.schedule import TIMESTEPS, alpha_bar, per_sample, upload

NoiseSource = Callable[[], Tensor]  # each call gives fresh standard normal noise, B, 3, H, W
Sampler = Callable[[Denoiser, Tensor, Tensor, NoiseSource], Tensor]


class PerSampleNoise:
    """Standard normal noise from one CPU generator per sample, so that no sample depends on its neighbours."""

    def __init__(self, seeds: Sequence[int], shape: tuple[int, int, int], device: torch.device) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.shape, self.device = shape, device

    def __call__(self) -> Tensor:
        """The next noise of every sample, float32, B and `shape`."""
        rows = [torch.randn(self.shape, generator=generator) for generator in self.generators]
        return upload(torch.stack(rows), self.device)


def ddim(model: Denoiser, x: Tensor, timesteps: Tensor, noise: NoiseSource | None = None) -> Tensor:
    """Deterministic DDIM (Song et al. 2021, Eq. 12 with η = 0): x_s = √ᾱ_s·x̂₀ + √(1−ᾱ_s)·ε. Draws no noise."""
    for t, s, _ in _steps(timesteps, x):
        eps = model(x, t)[:, : x.shape[1]]
        clean = predict_clean(x, eps, t)
        alpha = alpha_bar(s)
        x = per_sample(alpha.sqrt(), x) * clean + per_sample((1.0 - alpha).sqrt(), x) * eps
    return x


def ddpm(model: Denoiser, x: Tensor, timesteps: Tensor, noise: NoiseSource) -> Tensor:
    """Ancestral sampling (Ho et al. 2020, Eq. 7) over the given timesteps, x̂₀ clamped to [-1, 1].

    The variance is the learned one if the model gives it, else β̃ (see `posterior.estimate`). The last step adds no
    noise; diffusers' DDPMScheduler adds some there if the variance is learned and the last timestep is not 0.
    """
    for t, s, last in _steps(timesteps, x):
        step = estimate(x, model(x, t), t, s)
        x = step.mean
        if not last:
            x = x + (0.5 * step.log_variance).exp() * noise()
    return x


def dpm_solver_pp_2m(model: Denoiser, x: Tensor, timesteps: Tensor, noise: NoiseSource | None = None) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, algorithm 2), first order in the first and last step. Draws no noise.

    With λ = log(√ᾱ/√(1−ᾱ)) and h the step in λ: x_s = (σ_s/σ_t)·x − √ᾱ_s·(e^{−h} − 1)·D, where D extrapolates x̂₀
    from this step and the last.
    """
    previous: tuple[Tensor, Tensor] | None = None  # last x̂₀ and its λ
    for t, s, last in _steps(timesteps, x):
        clean = predict_clean(x, model(x, t)[:, : x.shape[1]], t)
        if last:  # σ_s = 0: the step is x̂₀ itself
            return clean
        alpha_t, alpha_s = alpha_bar(t), alpha_bar(s)
        lambda_t, lambda_s = _log_snr(alpha_t), _log_snr(alpha_s)
        step = lambda_s - lambda_t
        direction = clean
        if previous is not None:
            last_clean, last_lambda = previous
            direction = clean + per_sample(step / (2.0 * (lambda_t - last_lambda)), x) * (clean - last_clean)
        shrink = ((1.0 - alpha_s) / (1.0 - alpha_t)).sqrt()
        x = per_sample(shrink, x) * x - per_sample(alpha_s.sqrt() * torch.expm1(-step), x) * direction
        previous = (clean, lambda_t)
    return x


SAMPLERS: dict[str, Sampler] = {"ddim": ddim, "ddpm": ddpm, "dpm_solver_pp_2m": dpm_solver_pp_2m}


def _steps(timesteps: Tensor, x: Tensor) -> list[tuple[Tensor, Tensor, bool]]:
    """Steps (t, next t, whether it is the last) from the table's columns, each (B,) on x's device.

    The next t of the last step is −1, the clean image. The table moves to the device in one copy, and no step reads a
    value back from the device, so a GPU never waits.
    Raises ValueError unless the table has one row per sample, with values in 0 … T−1 that fall strictly.
    """
    if timesteps.ndim != 2 or timesteps.shape[0] != x.shape[0] or timesteps.shape[1] == 0:
        raise ValueError(f"timesteps of shape {tuple(timesteps.shape)} for {x.shape[0]} samples: give (B, steps)")
    fall = timesteps.diff(dim=1)
    if bool((fall >= 0).any()) or bool((timesteps < 0).any()) or bool((timesteps >= TIMESTEPS).any()):
        raise ValueError(
            f"timesteps {timesteps[0].tolist()} …: every row must fall strictly within {TIMESTEPS - 1} … 0 "
            f"(schedule.timestep_table makes such)"
        )
    end = torch.full((timesteps.shape[0], 1), -1, dtype=timesteps.dtype, device=timesteps.device)
    columns = upload(torch.cat((timesteps, end), dim=1), x.device).unbind(1)
    steps = timesteps.shape[1]
    return [(columns[k], columns[k + 1], k == steps - 1) for k in range(steps)]


def _log_snr(alpha: Tensor) -> Tensor:
    """λ = ½·log(ᾱ / (1−ᾱ))."""
    return 0.5 * (alpha / (1.0 - alpha)).log()
