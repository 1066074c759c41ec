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
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
    KDPM2AncestralDiscreteScheduler,
    PNDMScheduler,
    UniPCMultistepScheduler,
)
from torch import Tensor

from difffas.samplers import PerSampleNoise, ddim, ddpm, dpm_solver_pp_2m
from difffas.schedule import betas, ddim_scheduler, timestep_table
from difffas.schedulers import check_process, scheduled

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


@pytest.mark.parametrize("kind", [HeunDiscreteScheduler, PNDMScheduler, UniPCMultistepScheduler])
def test_other_solvers_come_to_the_same_image(kind: Any) -> None:
    """All solve one equation: with many steps they meet where DDIM goes with very many."""
    exact = ddim(toy, start(), timestep_table([500] * 3, 500))
    made = scheduled(kind.from_config(CONFIG))(toy, start(), timestep_table([500] * 3, 100), noise())
    assert float((made - exact).abs().mean()) < 0.01


def test_the_scheduler_is_left_as_it_was() -> None:
    scheduler = UniPCMultistepScheduler.from_config(CONFIG)
    sample, table = scheduled(scheduler), timestep_table([250] * 3, 5)
    assert torch.equal(sample(toy, start(), table, noise()), sample(toy, start(), table, noise()))


@pytest.mark.parametrize("steps", [1, 2, 25])
def test_pndm_starts_in_the_middle(steps: int) -> None:
    """It counts its calls: started like the others it would take the second step for a repetition of the first."""
    table = timestep_table([250] * 3, steps)
    made = scheduled(PNDMScheduler.from_config(CONFIG))(toy, start(), table, noise())
    if steps == 1:
        torch.testing.assert_close(made, ddim(toy, start(), table), atol=2e-5, rtol=0)
    exact = ddim(toy, start(), timestep_table([250] * 3, 250))
    errors = [float((each - exact).abs().mean()) for each in (made, ddim(toy, start(), table))]
    assert errors[0] <= errors[1] * 1.001


def test_a_leading_scheduler_goes_where_the_release_does() -> None:
    table = timestep_table([250] * 3, 25, "official")
    made = scheduled(DDIMScheduler.from_config(CONFIG, timestep_spacing="leading"))(toy, start(), table, noise())
    torch.testing.assert_close(made, ddim(toy, start(), table), atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    "scheduler",
    [
        DDIMScheduler.from_config(CONFIG, prediction_type="v_prediction"),
        DDIMScheduler.from_config(CONFIG, rescale_betas_zero_snr=True),
        DDIMScheduler.from_config(CONFIG, trained_betas=[0.01] * 1000),
        UniPCMultistepScheduler.from_config(CONFIG, use_flow_sigmas=True),
        FlowMatchEulerDiscreteScheduler(),
    ],
)
def test_a_scheduler_of_another_process_is_refused(scheduler: Any) -> None:
    with pytest.raises(ValueError, match=f"{type(scheduler).__name__} is set for another process: this method uses"):
        check_process(scheduler)


def test_a_scheduler_of_this_process_is_none_other() -> None:
    check_process(DDIMScheduler(trained_betas=betas().numpy()))
    check_process(EulerDiscreteScheduler.from_config(CONFIG))


def test_what_a_scheduler_cannot_do_is_said() -> None:
    with pytest.raises(ValueError, match="UniPCMultistepScheduler keeps one timestep for the whole batch"):
        scheduled(UniPCMultistepScheduler.from_config(CONFIG))(toy, start(), timestep_table([250, 90, 30], 5), noise())
    with pytest.raises(ValueError, match=r"DDIMScheduler cannot visit timesteps \[254"):
        scheduled(DDIMScheduler.from_config(CONFIG))(toy, start(), timestep_table([255] * 3, 7), noise())
    with pytest.raises(ValueError, match="KDPM2AncestralDiscreteScheduler cannot visit timesteps"):
        scheduled(KDPM2AncestralDiscreteScheduler.from_config(CONFIG))(
            toy, start(), timestep_table([200] * 3, 7), noise()
        )
