"""A recipe of one small layer, to test the training core without a real network."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import torch

from difffas.errors import UserError
from factory.core import draws
from factory.train import Evaluation, ModelFigures, TrainConfig, TrainResources, WorkerSettings
from factory.train.batches import share
from factory.train.ingest import Batch, BatchReader, BatchRequest
from factory.train.loop import train_loop
from factory.train.parallel import whole
from tests.toy_reader import Places, read

ToySettings: TypeAlias = WorkerSettings[dict[str, Any]]  # accidents by name


class ToyRecipe:
    """Fits y = 2x by the samples' counters.

    Settings make it crash or kill its worker once at a step, put NaN into the data of some steps, or hold its score.
    """

    def __init__(self, settings: ToySettings) -> None:
        torch.manual_seed(0)
        self.network: torch.nn.Module = torch.nn.Sequential(torch.nn.BatchNorm1d(1), torch.nn.Linear(1, 1))
        if not settings.config.get("batch_norm"):
            self.network = torch.nn.Linear(1, 1)
        self._told, self._settings = settings, settings.config
        self._updates = 0
        self._evaluations = 0

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        return {"network": self.network}

    def to(self, device: torch.device) -> None: ...

    def begin(self) -> None: ...

    def resumed(self, updates: int) -> None:
        self._updates = updates
        if "marker" in self._settings:
            Path(self._settings["marker"]).write_text(str(updates))

    def reader(self, rank: int, world: int) -> BatchReader[Places]:
        batch_size, bad = self._told.train.batch_size, self._settings.get("bad_steps", [])

        def plan(step: int) -> BatchRequest[Places]:
            counters = share(step, batch_size, rank, world)
            x = draws.uniform(counters, "x").astype(np.float32)
            if step in bad and rank == world - 1:
                x[-1] = np.nan
            return BatchRequest({"keys": np.array([f"row-{counter}" for counter in counters])}, {"x": x})

        return BatchReader(plan, read)

    def loss(self, network: torch.nn.Module, batch: Batch, counters: np.ndarray) -> torch.Tensor:
        self._accident(int(counters[0]) // self._told.train.batch_size)
        assert list(batch["keys"]) == [f"row-{counter}" for counter in counters]
        x = torch.from_numpy(np.array(batch["x"]))[:, None]
        return (network(x) - 2 * x).square().mean()

    def _accident(self, step: int) -> None:
        """What the settings plan for this step, the first time that it comes."""
        marker = Path(self._settings.get("marker", ""))
        if step != self._settings.get("accident_at") or marker.exists():
            return
        marker.touch()
        if self._settings["accident"] == "crash":
            raise RuntimeError("crash on purpose")
        if self._settings["accident"] == "mistake":
            raise UserError("a mistake of the user's")
        if self._settings["accident"] == "bug":
            raise ValueError("operands could not be broadcast together")
        if self._settings["accident"] == "node":
            os.kill(os.getppid(), signal.SIGKILL)  # the raylet; its workers end when they notice
            time.sleep(60)
        os.kill(self._settings.get("driver", os.getpid()), signal.SIGKILL)
        time.sleep(60)  # until this process is killed with its driver

    def updated(self) -> None:
        self._updates += 1

    def evaluate(self) -> Evaluation:
        self._evaluations += 1
        score = min(self._evaluations, self._settings.get("best_evaluation", 10**9))
        return Evaluation({"score": float(score)}, score=score)

    def keep(self, step: int) -> dict[str, bytes]:
        return {}

    def export(self, folder: Path) -> ModelFigures:
        folder.mkdir()
        network = whole(self.network, lambda: type(self)(self._told).network)
        numbers = [tensor.tolist() for tensor in network.state_dict().values()]
        (folder / "weights.txt").write_text(repr(numbers))
        return cast(ModelFigures, {"updates": self._updates})


def toy_settings(train: TrainConfig, resources: TrainResources, **accidents: Any) -> ToySettings:
    return WorkerSettings("toy", accidents, train, resources)


def worker(settings: ToySettings) -> str | None:
    return train_loop(ToyRecipe(settings), settings)
