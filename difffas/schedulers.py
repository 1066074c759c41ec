"""A diffusers scheduler in the place of a sampler of `difffas.samplers`, for who wants another solver.

A scheduler holds one step index for the whole batch, so that all samples must share T₀; ours need not.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch
from torch import Tensor

from difffas.guidance import Denoiser
from difffas.samplers import NoiseSource, PerSampleNoise, Sampler
from difffas.schedule import TIMESTEPS, alpha_bar, per_sample


def scheduled(scheduler: Any) -> Sampler:
    """The sampler that a diffusers scheduler is; arguments as in `difffas.samplers`, with equal rows of `timesteps`.

    Of a network that learns the variance only ε is used. The scheduler itself is left as it was.

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
        if _scales_input(solver, visited[0]):  # it works on x₀ + σ·ε, not on √ᾱ·x₀ + √(1−ᾱ)·ε
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
    """Whether the solver's state is the network's input up to a factor; asks a copy, for the answer has effects."""
    one = torch.ones(())
    return bool(copy.deepcopy(solver).scale_model_input(one, t) != one)


def _set_timesteps(solver: Any, table: Tensor, device: torch.device) -> Tensor:
    """Let the solver visit `table` (steps), noisy to clean, and return its own list: some visit a timestep twice."""
    name, steps = type(solver).__name__, table.tolist()
    if "timesteps" in inspect.signature(solver.set_timesteps).parameters:
        solver.set_timesteps(timesteps=steps, device=device)
        return torch.as_tensor(solver.timesteps)
    total = round(len(steps) * TIMESTEPS / (steps[0] + 1))  # steps of a run from pure noise with the same stride
    solver.set_timesteps(total, device=device)
    below = [t for t in solver.timesteps.tolist() if t <= steps[0]]
    if below != steps:
        raise ValueError(
            f"{name} cannot visit timesteps {steps}: choose t0 and steps so that 1000·steps/t0 is a divisor of 1000, "
            f"or name a sampler of difffas.samplers"
        )
    if hasattr(solver, "set_begin_index"):
        solver.set_begin_index(total - len(below))
    return torch.as_tensor(below)
