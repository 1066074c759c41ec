"""Use a diffusers scheduler in place of a sampler of `difffas.samplers`, to choose another solver.

A scheduler holds one step index for the whole batch, so all samples must share T₀; our samplers do not require that.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numpy as np
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from torch import Tensor

from difffas.guidance import Denoiser
from difffas.samplers import NoiseSource, PerSampleNoise, Sampler
from difffas.schedule import (
    BETA_END,
    BETA_START,
    TIMESTEPS,
    alpha_bar,
    alphas_cumprod,
    ddim_scheduler,
    per_sample,
)


def check_process(scheduler: Any) -> None:
    """Refuse a scheduler of another diffusion process, for which the network's predictions would be wrong.

    Raises:
        ValueError: naming the scheduler and the process of this method.
    """
    config, levels = getattr(scheduler, "config", {}), np.asarray(getattr(scheduler, "alphas_cumprod", ()))
    same = config.get("prediction_type") == "epsilon" and not config.get("use_flow_sigmas")
    if not same or levels.shape != (TIMESTEPS,) or not np.allclose(levels, alphas_cumprod(), rtol=1e-4, atol=0):
        raise ValueError(
            f"{type(scheduler).__name__} is set for another process: this method uses linear β from {BETA_START:g} to "
            f"{BETA_END:g} in {TIMESTEPS} steps and predicts ε; make it with from_config(ddim_scheduler().config)"
        )


def is_ours(scheduler: Any) -> bool:
    """Whether a scheduler stands for our DDIM, that is, has the settings that `ddim_scheduler` makes."""
    own = {name: value for name, value in ddim_scheduler().config.items() if not name.startswith("_")}
    return isinstance(scheduler, DDIMScheduler) and all(
        np.all(scheduler.config.get(name) == own[name]) for name in own
    )


def scheduled(scheduler: Any) -> Sampler:
    """Wrap a diffusers scheduler as a sampler; arguments as in `difffas.samplers`, with equal rows of `timesteps`.

    If the network learns the variance, only its ε is used. The scheduler itself stays unchanged.

    Raises (when called):
        ValueError: if the rows of `timesteps` differ, or the scheduler cannot visit them.
    """

    def sample(model: Denoiser, x: Tensor, timesteps: Tensor, noise: NoiseSource) -> Tensor:
        if bool((timesteps != timesteps[:1]).any()):
            raise ValueError(
                f"{type(scheduler).__name__} keeps one timestep for the whole batch: "
                f"give one t0 for all, or name a sampler of difffas.samplers"
            )
        solver = copy.deepcopy(scheduler)
        channels, table = x.shape[1], timesteps[0]
        visited = _set_timesteps(solver, table, x.device)
        if _scales_input(solver, visited[0]):  # the solver works on x₀ + σ·ε, not on √ᾱ·x₀ + √(1−ᾱ)·ε
            x = x / per_sample(alpha_bar(timesteps[:, 0]).sqrt(), x)
        options = {}
        if "generator" in inspect.signature(solver.step).parameters and isinstance(noise, PerSampleNoise):
            options["generator"] = noise.generators
        for t in visited:
            scaled = solver.scale_model_input(x, t)
            eps = model(scaled, t.long().expand(x.shape[0]))[:, :channels]
            x = solver.step(eps, t, x, **options).prev_sample
        return x

    return sample


def _scales_input(solver: Any, t: Tensor) -> bool:
    """Whether the solver scales its state to get the network's input; asks a copy, because asking has side effects."""
    one = torch.ones(())
    return bool(copy.deepcopy(solver).scale_model_input(one, t) != one)


def _set_timesteps(solver: Any, table: Tensor, device: torch.device) -> Tensor:
    """Make the solver visit `table` (steps), noisy to clean; return its own list, as some visit a timestep twice."""
    name, steps = type(solver).__name__, table.tolist()
    if "timesteps" in inspect.signature(solver.set_timesteps).parameters:
        solver.set_timesteps(timesteps=steps, device=device)
        return torch.as_tensor(solver.timesteps)
    total = round(len(steps) * TIMESTEPS / (steps[0] + 1))  # steps of a run from pure noise with the same stride
    if solver.config.get("timestep_spacing") == "leading" and len(steps) > 1:
        total = round((len(steps) - 1) * TIMESTEPS / (steps[0] - steps[-1]))
    counts = isinstance(solver, PNDMScheduler)  # PNDM counts calls, so its Runge-Kutta start is that of pure noise
    if counts:
        solver.register_to_config(skip_prk_steps=True)
    solver.set_timesteps(total, device=device)
    whole = solver.timesteps.tolist()
    below = [t for t in (dict.fromkeys(whole) if counts else whole) if t <= steps[0]]
    if below != steps:
        raise ValueError(
            f"{name} cannot visit timesteps {steps}: choose t0 and steps so that 1000·steps/t0 is a divisor of 1000, "
            f'timestep_spacing "trailing" ("leading" with offset "official"), another scheduler, or a sampler of ours'
        )
    if hasattr(solver, "set_begin_index"):
        solver.set_begin_index(total - len(below))
    return torch.as_tensor(below[:2] + below[1:] if counts else below)  # PNDM makes its first step twice
