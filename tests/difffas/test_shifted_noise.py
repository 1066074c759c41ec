from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from difffas.objective import draw_training_noise
from difffas.schedule import q_sample
from difffas.shifted_noise import HIGHEST_T0, draw_start_timestep, shift, shifted


def images(seed: int) -> torch.Tensor:
    return torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@given(t0=st.integers(1, 999), seed=st.integers(0, 20))
def test_a_noised_start_is_the_spoof_under_the_shifted_noise(t0: int, seed: int) -> None:
    spoof, start = images(seed), images(seed + 100)
    noise = torch.randn(spoof.shape, generator=torch.Generator().manual_seed(seed))
    level = torch.full((4,), t0)
    found = q_sample(spoof, level, shift(noise, start, spoof, level))
    torch.testing.assert_close(found, q_sample(start, level, noise), rtol=0, atol=2e-5)


def test_a_start_that_is_the_spoof_shifts_nothing() -> None:
    noise = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(shift(noise, images(1), images(1), torch.tensor([200, 300, 400, 499])), noise)


@given(seed=st.integers(0, 10**6), timesteps=st.integers(2, 1000))
def test_a_timestep_lies_at_or_below_its_start(seed: int, timesteps: int) -> None:
    t0, t = draw_start_timestep(torch.Generator().manual_seed(seed), timesteps)
    assert 0 <= t <= t0 < min(timesteps, HIGHEST_T0)


def test_samples_without_a_start_timestep_keep_their_draws() -> None:
    spoof, start = images(2), images(3)
    draw = draw_training_noise(spoof.shape, torch.Generator().manual_seed(0))
    found = shifted(draw, start, spoof, torch.tensor([-1, 300, -1, 400]), torch.tensor([7, 8, 9, 10]))
    assert found.t.tolist() == [draw.t[0], 8, draw.t[2], 10]
    assert torch.equal(found.noise[::2], draw.noise[::2])
    assert not torch.equal(found.noise[1::2], draw.noise[1::2])
    assert torch.equal(found.keep_style, draw.keep_style)
