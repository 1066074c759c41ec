"""Exponential moving average of a network: parameters and buffers."""

from __future__ import annotations

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

Network = TypeVar("Network", bound=nn.Module)


class EMA(Generic[Network]):
    """Keeps `model`, an averaged copy in eval mode: average ← decay·average + (1−decay)·value.

    Floating-point parameters and buffers are averaged, integers copied. The first `warm_start` updates copy the
    network, so that the random start does not linger in the average. If the network is sharded (FSDP2), shard `model`
    in the same way: each worker then averages its own part.
    Raises ValueError for a decay outside [0, 1).
    """

    def __init__(self, network: Network, decay: float = 0.9999, warm_start: int = 0) -> None:
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"decay {decay} must lie in [0, 1)")
        self.model: Network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay, self.warm_start, self.updates = decay, warm_start, 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Add the network's present values to the average; call this once after every optimiser step."""
        decay = self.decay if self.updates >= self.warm_start else 0.0
        present = network.state_dict()
        averages, values = [], []
        for name, average in self.model.state_dict().items():
            mine, value = _own_part(average), _own_part(present[name])
            if mine.is_floating_point() and decay > 0.0:
                averages.append(mine)
                values.append(value.to(mine))
            else:
                mine.copy_(value)
        if averages:
            torch._foreach_lerp_(averages, values, 1.0 - decay)
        self.updates += 1

    def state_dict(self) -> dict[str, Any]:
        """{"updates": int, "model": the averaged tensors}, for a checkpoint."""
        return {"updates": self.updates, "model": self.model.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from the result of `state_dict`."""
        self.model.load_state_dict(state["model"])
        self.updates = int(state["updates"])


def _own_part(tensor: Tensor) -> Tensor:
    """This worker's part of a sharded tensor: arithmetic on the part skips the bookkeeping of all shards."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
