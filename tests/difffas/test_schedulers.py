"""diffusers' schedulers as samplers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    UniPCMultistepScheduler,
)
from torch import Tensor

from difffas.samplers import PerSampleNoise, ddim, ddpm, dpm_solver_pp_2m
from difffas.schedule import ddim_scheduler, timestep_table
from difffas.schedulers import scheduled

CONFIG = ddim_scheduler().config


def toy(x: Tensor, t: Tensor) -> Tensor:
    """A nonlinear stand-in for the network that takes x_t itself, not x₀ + σ·ε."""
    return torch.tanh(x * 1.3 + t.to(x).view(-1, 1, 1, 1) / 300.0)


def start() -> Tensor:
    return torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def noise() -> PerSampleNoise:
    return PerSampleNoise([1, 2, 3], (3, 8, 8), torch.device("cpu"))


def test_the_schedulers_that_we_have_ourselves_agree() -> None:
    table = timestep_table([250] * 3, 25)
    for scheduler, own in (
        (ddim_scheduler(), ddim),
        (DPMSolverMultistepScheduler.from_config(CONFIG, final_sigmas_type="zero"), dpm_solver_pp_2m),
        (EulerDiscreteScheduler.from_config(CONFIG), ddim),  # its steps on x₀ + σ·ε are DDIM's
        (DDPMScheduler.from_config(CONFIG, clip_sample=True), ddpm),
    ):
        made = scheduled(scheduler)(toy, start(), table, noise())
        torch.testing.assert_close(made, own(toy, start(), table, noise()), atol=2e-3, rtol=0)


@pytest.mark.parametrize("kind", [HeunDiscreteScheduler, UniPCMultistepScheduler])
def test_other_solvers_come_to_the_same_image(kind: Any) -> None:
    """All solve one equation: with many steps they meet where DDIM goes with very many."""
    exact = ddim(toy, start(), timestep_table([500] * 3, 500))
    made = scheduled(kind.from_config(CONFIG))(toy, start(), timestep_table([500] * 3, 100), noise())
    assert float((made - exact).abs().mean()) < 0.01


def test_the_scheduler_is_left_as_it_was() -> None:
    scheduler = UniPCMultistepScheduler.from_config(CONFIG)
    sample, table = scheduled(scheduler), timestep_table([250] * 3, 5)
    assert torch.equal(sample(toy, start(), table, noise()), sample(toy, start(), table, noise()))


def test_what_a_scheduler_cannot_do_is_said() -> None:
    with pytest.raises(ValueError, match="UniPCMultistepScheduler keeps one timestep for the whole batch"):
        scheduled(UniPCMultistepScheduler.from_config(CONFIG))(toy, start(), timestep_table([250, 90, 30], 5), noise())
    with pytest.raises(ValueError, match=r"DDIMScheduler cannot visit timesteps \[254"):
        scheduled(DDIMScheduler.from_config(CONFIG))(toy, start(), timestep_table([255] * 3, 7), noise())
