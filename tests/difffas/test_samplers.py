from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from torch import Tensor

from difffas.samplers import SAMPLERS, PerSampleNoise, ddim, ddpm, dpm_solver_pp_2m
from difffas.schedule import alphas_cumprod, betas, timestep_table

PROCESS: dict[str, Any] = {"trained_betas": betas().numpy(), "timestep_spacing": "trailing"}


def toy(x: Tensor, t: Tensor) -> Tensor:
    """A nonlinear stand-in for the network: each row depends on its own x and t alone."""
    return torch.tanh(x * 1.3 + t.to(x).view(-1, 1, 1, 1) / 300.0)


def toy_learned(x: Tensor, t: Tensor) -> Tensor:
    return torch.cat((toy(x, t), torch.cos(3.0 * x)), dim=1)


def noisy(batch: int = 3) -> Tensor:
    return torch.randn(batch, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def run_scheduler(scheduler: Any, model: Any, x: Tensor, timesteps: list[int], **options: Any) -> Tensor:
    if hasattr(scheduler, "final_alpha_cumprod") or isinstance(scheduler, DDPMScheduler):
        scheduler.betas, scheduler.alphas_cumprod = betas(), alphas_cumprod()  # its own tables are float32
    for t in timesteps:
        x = scheduler.step(model(x, torch.full((x.shape[0],), t)), t, x, **options).prev_sample
    return x


@pytest.mark.parametrize(("t0", "total_steps"), [(250, 100), (1000, 50), (100, 10), (30, 1000)])
def test_ddim_is_diffusers_ddim_at_uniform_t0(t0: int, total_steps: int) -> None:
    scheduler = DDIMScheduler(clip_sample=False, **PROCESS)
    scheduler.set_timesteps(total_steps)
    timesteps = [t for t in scheduler.timesteps.tolist() if t < t0]
    table = timestep_table([t0] * 3, len(timesteps))
    assert table[0].tolist() == timesteps
    torch.testing.assert_close(
        ddim(toy, noisy(), table), run_scheduler(scheduler, toy, noisy(), timesteps), atol=2e-5, rtol=0
    )


def shared_noise(seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(noisy().shape, generator=generator)


def test_ddpm_is_diffusers_ddpm_at_uniform_t0() -> None:
    """Both the strided fixed-variance chain and the full chain with learned variance."""
    scheduler = DDPMScheduler(variance_type="fixed_small", clip_sample=True, **PROCESS)
    scheduler.set_timesteps(100)
    timesteps = [t for t in scheduler.timesteps.tolist() if t < 250]
    expected = run_scheduler(scheduler, toy, noisy(), timesteps, generator=torch.Generator().manual_seed(5))
    result = ddpm(toy, noisy(), timestep_table([250] * 3, 25), shared_noise(5))
    torch.testing.assert_close(result, expected, atol=2e-5, rtol=0)

    scheduler = DDPMScheduler(variance_type="learned_range", clip_sample=True, **PROCESS)
    scheduler.set_timesteps(1000)
    expected = run_scheduler(
        scheduler, toy_learned, noisy(), list(range(19, -1, -1)), generator=torch.Generator().manual_seed(6)
    )
    result = ddpm(toy_learned, noisy(), timestep_table([20] * 3, 20), shared_noise(6))
    torch.testing.assert_close(result, expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("steps", [1, 2, 8, 20])
def test_dpm_solver_is_diffusers_at_uniform_t0(steps: int) -> None:
    scheduler = DPMSolverMultistepScheduler(
        algorithm_type="dpmsolver++", solver_order=2, solver_type="midpoint", final_sigmas_type="zero",
        trained_betas=PROCESS["trained_betas"],
    )  # fmt: skip
    table = timestep_table([250] * 3, steps)
    scheduler.set_timesteps(timesteps=table[0].tolist())
    expected = run_scheduler(scheduler, toy, noisy(), table[0].tolist())
    torch.testing.assert_close(dpm_solver_pp_2m(toy, noisy(), table), expected, atol=2e-5, rtol=0)


def test_dpm_solver_needs_fewer_steps_than_ddim() -> None:
    start, fine = noisy(), timestep_table([250] * 3, 250)
    exact = ddim(toy, start, fine)
    coarse = timestep_table([250] * 3, 8)
    errors = [(sampler(toy, start, coarse) - exact).abs().mean() for sampler in (dpm_solver_pp_2m, ddim)]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_every_sample_runs_its_own_t0(name: str) -> None:
    t0, seeds, x = [250, 90, 613], [7, 8, 9], noisy()
    together = SAMPLERS[name](toy, x, timestep_table(t0, 10), PerSampleNoise(seeds, (3, 8, 8), x.device))
    for row in range(3):
        noise = PerSampleNoise(seeds[row : row + 1], (3, 8, 8), x.device)
        alone = SAMPLERS[name](toy, x[row : row + 1], timestep_table(t0[row : row + 1], 10), noise)
        torch.testing.assert_close(together[row], alone[0], atol=1e-6, rtol=0)
    assert torch.isfinite(together).all()


def test_ddim_ignores_the_variance_channels() -> None:
    table = timestep_table([250] * 3, 5)
    assert torch.equal(ddim(toy_learned, noisy(), table), ddim(toy, noisy(), table))


def test_noise_depends_on_the_seed_alone() -> None:
    source = PerSampleNoise([1, 2**40, 3], (3, 4, 4), torch.device("cpu"))
    other = PerSampleNoise([3, 1], (3, 4, 4), torch.device("cpu"))
    first, second = source(), source()
    assert torch.equal(first[[2, 0]], other())
    assert torch.equal(second[[2, 0]], other())
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name", sorted(SAMPLERS))
@pytest.mark.parametrize(
    "table",
    [[[249, 100]], [[100, 249]] * 3, [[100, 100]] * 3, [[1000, 500]] * 3, [[100, -1]] * 3, [249, 100, 50], [[]] * 3],
    ids=["rows", "rising", "level", "1000", "clean", "flat", "empty"],
)
def test_a_table_that_is_none_of_the_batch_is_refused(name: str, table: list[Any]) -> None:
    """Index 1000 is the clean image's: without the check it would be sampled as such in silence."""
    with pytest.raises(ValueError, match="timesteps"):
        SAMPLERS[name](toy, noisy(3), torch.tensor(table, dtype=torch.int64), shared_noise(0))
