"""How far rounding may move a float32 result: a float64 run of the same network tells, on any processor."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)

# Two float32 runs that add up in another order have errors of one size, not equal ones: over eight settings of
# instruction sets the larger was at most 3.1 times the smaller.
OTHER_ORDERS = 10


def in_float64(network: Network) -> Network:
    """A copy that computes in float64; the embedding of time steps, which is float32 always, is widened."""
    wide = copy.deepcopy(network).double()
    if isinstance(projection := getattr(wide, "time_projection", None), nn.Module):
        projection.register_forward_hook(lambda _module, _given, out: out.double())
    return wide


def assert_rounding_apart(one: Tensor, other: Tensor, exact: Tensor) -> None:
    """Both are `exact` but for rounding: neither is more than OTHER_ORDERS times as far from it as the other."""
    size = float(exact.abs().max())
    errors = [float((each.double() - exact.double()).abs().max()) for each in (one, other)]
    assert max(errors) <= OTHER_ORDERS * max(min(errors), 1e-6 * size), errors
    assert max(errors) <= 1e-3 * size, f"{errors} of {size}: that is more than rounding"
