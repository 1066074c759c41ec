"""A recipe of one linear layer, to test the training core without a real network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from factory import draws
from factory.train import train_loop


class ToyRecipe:
    """Fits y = 2x by the samples' counters; crashes once at the step that `settings` names."""

    def __init__(self, settings: dict[str, Any]) -> None:
        torch.manual_seed(0)
        self.network: torch.nn.Module = torch.nn.Linear(1, 1)
        self._settings = settings
        self._updates = 0

    def to(self, device: torch.device) -> None: ...

    def loss(self, network: torch.nn.Module, counters: np.ndarray, step: int) -> torch.Tensor:
        crashed = Path(self._settings["crash_marker"])
        if step == self._settings["crash_at"] and not crashed.exists():
            crashed.touch()
            raise RuntimeError("crash on purpose")
        x = torch.from_numpy(draws.uniform(counters, "x")).float()[:, None]
        return (network(x) - 2 * x).square().mean()

    def updated(self) -> None:
        self._updates += 1

    def state(self) -> dict[str, Any]:
        return {"network": self.network.state_dict(), "updates": self._updates}

    def load_state(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self._updates = state["updates"]

    def export(self, folder: Path) -> dict[str, Any]:
        folder.mkdir()
        (folder / "weight.txt").write_text(repr(self.network.weight.item()))  # type: ignore[operator]
        return {"updates": self._updates}


def worker(settings: dict[str, Any]) -> None:
    train_loop(ToyRecipe(settings), settings)
