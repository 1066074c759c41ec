"""The reverse step against Bayes' rule."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from difffas.posterior import estimate, posterior, predict_clean
from difffas.schedule import alpha_bar, q_sample


@given(st.integers(1, 999).flatmap(lambda t: st.tuples(st.just(t), st.integers(0, t - 1))))
def test_it_is_bayes_rule(step: tuple[int, int]) -> None:
    """q(x_s | x_0) and q(x_t | x_s), both Gaussian, multiplied and normalised by hand; t → s may stride."""
    t, s = (torch.tensor([value]) for value in step)
    alpha_t, alpha_s = float(alpha_bar(t)), float(alpha_bar(s))
    ratio = alpha_t / alpha_s
    prior, likelihood = 1.0 / (1.0 - alpha_s), ratio / (1.0 - ratio)  # precisions in x_s
    true = posterior(t, s)
    assert float(true.log_smallest) == pytest.approx(-math.log(prior + likelihood), abs=1e-9)
    assert float(true.clean) == pytest.approx(math.sqrt(alpha_s) * prior / (prior + likelihood), rel=1e-9)
    assert float(true.noisy) == pytest.approx(likelihood / math.sqrt(ratio) / (prior + likelihood), rel=1e-9)
    assert float(true.log_largest) == pytest.approx(math.log(1.0 - ratio), abs=1e-9)


def test_the_last_step_has_a_finite_variance() -> None:
    """β̃_0 = 0 has no logarithm: that of β̃_1 stands in."""
    last = posterior(torch.tensor([0]), torch.tensor([-1]))
    assert float(last.log_smallest) == pytest.approx(-9.8167, abs=1e-4)
    assert (float(last.clean), float(last.noisy)) == (1.0, 0.0)


def test_the_estimate_takes_noise_for_what_it_is() -> None:
    generator = torch.Generator().manual_seed(0)
    x0 = torch.rand(2, 3, 4, 4, generator=generator) * 2 - 1
    noise = torch.randn(x0.shape, generator=generator)
    t = torch.tensor([30, 700])
    x_t = q_sample(x0, t, noise)
    torch.testing.assert_close(predict_clean(x_t, noise, t), x0, atol=1e-4, rtol=0)
    step = estimate(x_t, torch.cat((noise, torch.ones_like(noise)), dim=1), t, t - 1)
    torch.testing.assert_close(step.clean, x0, atol=1e-4, rtol=0)
    true = posterior(t, t - 1)
    torch.testing.assert_close(step.log_variance[:, 0, 0, 0], true.log_largest.float())  # v = 1
    fixed = estimate(x_t, noise, t, t - 1)
    torch.testing.assert_close(fixed.log_variance.flatten(), true.log_smallest.float())
    torch.testing.assert_close(fixed.mean, step.mean)
    assert float(estimate(x_t, 9.0 * noise, t, t - 1).clean.abs().max()) == 1.0
