from __future__ import annotations

import pytest
import torch
from torch import nn

from difffas.ema import EMA


class Network(nn.Module):
    count: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.norm = nn.BatchNorm1d(2)
        self.register_buffer("count", torch.tensor(0))


def set_all(network: nn.Module, value: float) -> None:
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.fill_(value)


def test_parameters_and_buffers_are_averaged_and_integers_copied() -> None:
    network = Network()
    set_all(network, 1.0)
    ema = EMA(network, decay=0.9)
    expected = 1.0
    for value in (2.0, 5.0):
        set_all(network, value)
        ema.update(network)
        expected = 0.9 * expected + 0.1 * value
    for name, tensor in ema.model.state_dict().items():
        wanted = 5.0 if not tensor.is_floating_point() else expected
        torch.testing.assert_close(tensor.double(), torch.full_like(tensor, wanted, dtype=torch.float64), msg=name)
    assert {"norm.running_mean", "count"} <= ema.model.state_dict().keys()


def test_warm_start_copies() -> None:
    network = Network()
    set_all(network, 1.0)
    ema = EMA(network, decay=0.5, warm_start=2)
    for value, wanted in ((3.0, 3.0), (7.0, 7.0), (9.0, 8.0)):
        set_all(network, value)
        ema.update(network)
        assert float(ema.model.linear.weight[0, 0]) == wanted


def test_average_is_frozen_apart_and_in_eval_mode() -> None:
    network = Network().train()
    ema = EMA(network)
    assert not ema.model.training
    assert not any(parameter.requires_grad for parameter in ema.model.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_resume_goes_on_as_if_never_stopped() -> None:
    network = Network()
    first = EMA(network, decay=0.5, warm_start=1)
    set_all(network, 2.0)
    first.update(network)
    second = EMA(Network(), decay=0.5, warm_start=1)
    second.load_state_dict(first.state_dict())
    set_all(network, 4.0)
    first.update(network)
    second.update(network)
    assert second.updates == 2
    for name, tensor in first.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name])


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_decay_out_of_range(decay: float) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        EMA(Network(), decay)
