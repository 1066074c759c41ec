"""Exponential moving average of a network: parameters and buffers."""

from __future__ import annotations

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class EMA(Generic[Network]):
    """Keeps `model`, an averaged copy in eval mode: average ← decay·average + (1−decay)·value.

    Floating-point parameters and buffers are averaged, integers copied. While fewer than `warm_start` updates have
    been made the network is copied, so the random start does not linger in the average.
    Raises ValueError for a decay outside [0, 1).
    """

    def __init__(self, network: Network, decay: float = 0.9999, warm_start: int = 0) -> None:
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"decay {decay} must lie in [0, 1)")
        self.model: Network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay, self.warm_start, self.updates = decay, warm_start, 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the network's present values; call it once after every optimiser step."""
        decay = self.decay if self.updates >= self.warm_start else 0.0
        values = network.state_dict()
        for name, average in self.model.state_dict().items():
            value = values[name].to(average.device)
            if average.is_floating_point() and decay > 0.0:
                average.lerp_(value.to(average.dtype), 1.0 - decay)
            else:
                average.copy_(value)
        self.updates += 1

    def state_dict(self) -> dict[str, Any]:
        """{"updates": int, "model": the averaged tensors}, for a checkpoint."""
        return {"updates": self.updates, "model": self.model.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from what `state_dict` gave."""
        self.model.load_state_dict(state["model"])
        self.updates = int(state["updates"])
