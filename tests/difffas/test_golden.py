"""The generative half computes what it computed when `golden.json` was written."""

from __future__ import annotations

import json

import pytest
import torch

from difffas.samplers import SAMPLERS
from tests.difffas.golden import CASES, FILE, brief, compute


def _tolerance(name: str) -> float:
    """Another order of summing changes the last digits; guidance and steps enlarge that, likelihoods the most."""
    if name in ("gradient norms", "variational"):
        return 2e-3
    return 2e-4 if name.startswith(("guided", *SAMPLERS)) else 2e-5


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    recorded, found = json.loads(FILE.read_text())[case], compute(case)
    assert list(found) == list(recorded)
    for name, value in found.items():
        now, then = brief(value), recorded[name]
        assert now["shape"] == then["shape"], name
        tolerance = _tolerance(name)
        options = {"rtol": 5.0 * tolerance, "atol": tolerance * max(1.0, then["std"])}
        for key in ("mean", "std", "elements"):
            expected, got = (torch.tensor(each[key], dtype=torch.float64) for each in (then, now))
            torch.testing.assert_close(got, expected, **options, msg=lambda text, name=name: f"{name}: {text}")


def test_nothing_recorded_is_trivial() -> None:
    """Arrays that vary, are finite and of a size at which the tolerance means something."""
    for case, arrays in json.loads(FILE.read_text()).items():
        for name, array in arrays.items():
            if name in ("mse", "variational"):
                continue
            assert 1e-3 < array["std"] < 1e4, (case, name)
