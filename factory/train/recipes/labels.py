"""The half that fit-style and fit-classifier share: one network learns the labels of single images."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from factory.corpus import Corpus
from factory.models.tensors import to_tensor
from factory.train import Evaluation, ModelFigures, TrainConfig
from factory.train.batches import PixelCache, SamplePlan
from factory.train.ingest import Batch, BatchReader, Places, image_reader
from factory.train.recipes.embeddings import Embeddings

if TYPE_CHECKING:
    import torch


CHUNK = 64  # images


class Images(typing.NamedTuple):
    """The images of a training: rows are numbered consecutively through the corpora, and `plan` draws among them."""

    corpora: Sequence[Corpus]
    plan: SamplePlan
    columns: Mapping[str, np.ndarray]  # of all rows: `label`, and what else a batch has


def outputs(
    forward: Callable[[torch.Tensor], torch.Tensor], pixels: PixelCache, rows: np.ndarray, device: torch.device
) -> torch.Tensor:
    """What a network says of held-out rows, B, …, on the CPU; at most `CHUNK` images at a time, without gradients."""
    import torch

    with torch.no_grad():
        chunks = np.array_split(rows, -(-len(rows) // CHUNK))
        return torch.cat([forward(to_tensor(pixels(chunk), device)).cpu() for chunk in chunks])


def ranked(share: float, cross_entropy: float, of: int) -> float:
    """A score by which ties in a share of so many, such as an accuracy, go to the lower cross-entropy, ≥ 0."""
    less_than_one_more = 0.5 / of / (1.0 + cross_entropy)
    return share + less_than_one_more


class Objective(typing.Protocol):
    """What a network learns of images, and how it is judged. Networks are on `device`."""

    images: Images

    @property
    def network(self) -> torch.nn.Module:
        """The network that learns."""

    def loss(
        self, network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, counters: np.ndarray
    ) -> torch.Tensor:
        """Scalar loss of images, float32 (N, 3, H, W) in [-1, 1]."""

    def evaluate(self, device: torch.device) -> Evaluation:
        """Evaluate the network on held-out subjects."""

    def export(self, folder: Path, device: torch.device) -> ModelFigures:
        """Write the model below `folder`; return its figures."""


class LabelRecipe:
    """The recipe of an objective: its network alone is in a checkpoint; half of the images are mirrored on request.

    `embeddings` is for a network that gives features, too.
    """

    def __init__(
        self, objective: Objective, train: TrainConfig, mirror: bool = True, embeddings: Embeddings | None = None
    ) -> None:
        import torch

        self._embeddings = embeddings
        self.objective = objective
        self._train, self._mirror = train, mirror
        self._device = torch.device("cpu")

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        """The modules in a checkpoint."""
        return {"network": self.objective.network}

    def to(self, device: torch.device) -> None:
        """Move the network to the worker's device."""
        self._device = device
        self.objective.network.to(device)

    def begin(self) -> None:
        """Called before the first step of a run."""

    def resumed(self, updates: int) -> None:
        """Called after a checkpoint has restored the modules to their state after `updates` updates."""

    def reader(self, rank: int, world: int) -> BatchReader[Places]:
        """Batches of `images`, `keys` and the columns of the objective's images."""
        corpora, plan, columns = self.objective.images  # sent to the reader's process, which needs no network
        samples = lambda counters: {"images": plan(counters)}  # noqa: E731
        size, seed, mirror = self._train.batch_size, self._train.seed, self._mirror
        return image_reader(corpora, samples, columns, size, seed, rank, world, mirror=mirror)

    def loss(self, network: torch.nn.Module, batch: Batch, counters: np.ndarray) -> torch.Tensor:
        """The objective's loss."""
        import torch

        labels = torch.tensor(batch["label"], device=self._device)
        return self.objective.loss(network, to_tensor(batch["images"], self._device), labels, counters)

    def updated(self) -> None:
        """Called after every optimiser step."""

    def evaluate(self) -> Evaluation:
        """Evaluate the network on held-out subjects."""
        return self.objective.evaluate(self._device)

    def keep(self, step: int) -> dict[str, bytes]:
        """The embeddings of a step, if the configuration asks for them."""
        if self._embeddings is None or step not in self._embeddings.steps:
            return {}
        network = self.objective.network.eval()
        return self._embeddings.keep(step, lambda images: network(images, with_features=True)[1], self._device)

    def export(self, folder: Path) -> ModelFigures:
        """Write the model below `folder`; return its figures."""
        return self.objective.export(folder, self._device)
