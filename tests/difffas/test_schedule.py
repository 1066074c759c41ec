from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from difffas.schedule import (
    alpha_bar,
    alphas_cumprod,
    betas,
    ddim_scheduler,
    q_sample,
    start_timesteps,
    timestep_table,
)


def test_alpha_bar_reference_values() -> None:
    """Values recorded from the released implementation."""
    assert betas().dtype == torch.float64
    values = alpha_bar(torch.tensor([240, 249, 250, 999, -1]))
    np.testing.assert_allclose(values, [0.548173, 0.524085, 0.521423, 4.0358e-5, 1.0], rtol=2e-5)
    np.testing.assert_allclose(alphas_cumprod(), np.cumprod(1 - np.linspace(1e-4, 2e-2, 1000)), rtol=1e-12)


def test_the_scheduler_of_the_model_folder_is_the_same_process() -> None:
    scheduler = ddim_scheduler()
    np.testing.assert_allclose(scheduler.alphas_cumprod, alphas_cumprod(), rtol=2e-5)
    scheduler.set_timesteps(30)
    assert timestep_table([1000], 30).tolist() == [scheduler.timesteps.tolist()]


def test_q_sample_mixes_by_each_samples_timestep() -> None:
    x0, noise = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    t = torch.tensor([10, 900])
    x = q_sample(x0, t, noise)
    for row in range(2):
        a = alphas_cumprod()[t[row]].item()
        expected = np.sqrt(a) * x0[row].numpy() + np.sqrt(1 - a) * noise[row].numpy()
        np.testing.assert_allclose(x[row], expected, atol=1e-6)


def test_timestep_tables_known() -> None:
    assert timestep_table([250], 25).tolist() == [list(range(249, 0, -10))]
    assert timestep_table([250], 25, "official").tolist() == [list(range(240, -1, -10))]
    assert timestep_table([200], 4, "official").tolist() == [[150, 100, 50, 0]]
    assert timestep_table([30, 100], 3).tolist() == [[29, 19, 9], [99, 66, 32]]
    assert start_timesteps([250, 100], 25).tolist() == [249, 99]
    assert start_timesteps([250, 100], 25, "official").tolist() == [250, 100]


@given(
    st.integers(1, 200).flatmap(
        lambda steps: st.tuples(st.just(steps), st.lists(st.integers(steps, 1000), min_size=1))
    )
)
def test_timesteps_fall_strictly_from_t0(case: tuple[int, list[int]]) -> None:
    steps, t0 = case
    table = timestep_table(t0, steps)
    assert table.shape == (len(t0), steps)
    assert table[:, 0].tolist() == [value - 1 for value in t0]
    assert (table[:, -1] >= 0).all()
    assert (table[:, :-1] > table[:, 1:]).all()
    for row, value in zip(table.tolist(), t0, strict=True):
        assert row == [round(k * value / steps) - 1 for k in range(steps, 0, -1)]


@given(
    st.integers(1, 60).flatmap(
        lambda steps: st.tuples(st.just(steps), st.lists(st.integers(steps, 1000), min_size=1))
    ),
    st.floats(1.0, 3.0),
)
def test_a_spaced_table_falls_strictly_too_and_lingers_at_the_end(case: tuple[int, list[int]], spacing: float) -> None:
    steps, t0 = case
    even, table = timestep_table(t0, steps), timestep_table(t0, steps, spacing=spacing)
    assert table[:, 0].tolist() == [value - 1 for value in t0]
    assert (table[:, :-1] > table[:, 1:]).all()
    assert (table[:, -1] >= 0).all()
    assert (table <= even).all()


def test_a_spaced_table_known() -> None:
    assert timestep_table([250], 5, spacing=1.5).tolist() == [[249, 178, 115, 62, 21]]
    for spacing, offset in ((0.5, "trailing"), (1.5, "official")):
        with pytest.raises(ValueError, match="spacing"):
            timestep_table([250], 5, offset, spacing)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("t0", "steps", "offset"), [(24, 25, "trailing"), (1001, 25, "trailing"), (1000, 25, "official")]
)
def test_t0_out_of_range(t0: int, steps: int, offset: str) -> None:
    with pytest.raises(ValueError, match="every value must lie in"):
        timestep_table([250, t0], steps, offset)  # type: ignore[arg-type]


def test_bad_steps_and_offset() -> None:
    with pytest.raises(ValueError, match="steps is 0"):
        timestep_table([250], 0)
    with pytest.raises(ValueError, match="unknown"):
        timestep_table([250], 5, "leading")  # type: ignore[arg-type]
