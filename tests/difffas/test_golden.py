"""The generative half computes what it computed when `golden.json` was written."""

from __future__ import annotations

import json
from functools import partial

import pytest
import torch

from tests.difffas.golden import CASES, FILE, brief, compute, error

# The most recorded over eight settings.
UNSEEN = 5
ROUNDING = 1e-3  # of an array's size: the most that float32 may be off where it was recorded
# Arrays that blow rounding up: at t = 998 x̂₀ is the noise's error times 150; guidance takes differences w times.
AMPLIFIED = {"predicted x0": 1e-2, "guided": 2e-3, "ddpm trailing": 2e-3}
EXACT = 1e-6  # of an array's deviation: float64 runs agree to 1e-10, but some end in float32


# `make test-isa` has both on three kinds of processors; `make test` has the paper's alone.
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case == "paper" else pytest.mark.slow) for case in CASES]
)
def test_golden(case: str) -> None:
    recorded = json.loads(FILE.read_text(encoding="utf-8"))[case]
    narrow, wide = compute(case), compute(case, torch.float64)
    assert list(narrow) == list(wide) == list(recorded)
    for name, value in wide.items():
        now, then = brief(value), recorded[name]
        assert now["shape"] == then["shape"], name
        size = max(then["std"], abs(then["mean"]))
        for key in ("mean", "std", "elements"):
            expected, got = (torch.tensor(each[key], dtype=torch.float64) for each in (then, now))
            torch.testing.assert_close(got, expected, rtol=0, atol=EXACT * size, msg=partial("{}: {}".format, name))
        allowed = max(UNSEEN * then["float32_error"], EXACT * size)
        assert error(narrow[name], value) <= allowed, f"{name}: float32 is too far from float64"


def test_float32_is_close_to_float64_where_it_was_recorded() -> None:
    """The recorded errors are rounding, not faults that a wide tolerance would hide."""
    for case, arrays in json.loads(FILE.read_text(encoding="utf-8")).items():
        for name, array in arrays.items():
            limit = AMPLIFIED.get(name, ROUNDING)
            assert array["float32_error"] <= limit * max(array["std"], abs(array["mean"])), (case, name)


def test_nothing_recorded_is_trivial() -> None:
    """Arrays that vary, are finite and of a size at which the tolerance means something."""
    for case, arrays in json.loads(FILE.read_text()).items():
        for name, array in arrays.items():
            if name in ("mse", "variational"):
                continue
            assert 1e-3 < array["std"] < 1e4, (case, name)
