"""The gradient reversal by autograd, and SSDG's schedule by its formula."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from difffas.losses.reversal import reversal_strength, reverse_gradient


@given(st.floats(0.0, 3.0), st.integers(0, 99))
def test_the_gradient_is_minus_the_strength_times_the_plain_one(strength: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 2, generator=generator, dtype=torch.float64, requires_grad=True)

    def gradients(turned: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        reached = reverse_gradient(values, strength) if turned else values
        found = torch.tanh(reached @ weight).square().sum()
        of_values, of_weight = torch.autograd.grad(found, (values, weight))
        return found, of_values, of_weight

    plain, of_values, of_weight = gradients(turned=False)
    turned, turned_values, turned_weight = gradients(turned=True)
    assert torch.equal(turned, plain)
    assert torch.equal(turned_weight, of_weight)  # what lies behind the reversal learns as ever
    torch.testing.assert_close(turned_values, -strength * of_values)


def test_a_strength_may_be_a_tensor() -> None:
    values = torch.ones(2, requires_grad=True)
    reverse_gradient(values, torch.tensor(0.25)).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [-0.25, -0.25]


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_schedule_is_ssdgs_and_rises(one: float, other: float) -> None:
    assert reversal_strength(one) == pytest.approx(2.0 / (1.0 + math.exp(-10.0 * one)) - 1.0, abs=1e-12)
    low, high = sorted((one, other))
    assert 0.0 <= reversal_strength(low) <= reversal_strength(high) < 1.0


def test_the_schedule_in_numbers() -> None:
    found = [reversal_strength(progress) for progress in (0.0, 0.1, 0.5, 1.0)]
    assert found == pytest.approx([0.0, 0.46211716, 0.98661430, 0.99990920], abs=1e-8)
    for wrong in (-0.01, 1.01, math.nan):
        with pytest.raises(ValueError, match=r"must be within \[0, 1\]"):
            reversal_strength(wrong)
