"""Fit the style encoder: cross-entropy on the style label, live styles included (paper Eq. 8)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from factory.batches import PixelCache, Shuffled, flips, training_images
from factory.config import Config
from factory.corpus import Corpus
from factory.run import Run
from factory.train import TrainConfig, TrainResources, fit, train_loop

if TYPE_CHECKING:
    import torch

JOB = "fit-style"


class StyleNetworkConfig(Config):
    """Widths and depths of `difffas.StyleEncoder`; the defaults are the full-size network."""

    stem_channels: int = 64
    channels: tuple[int, int, int, int] = (64, 256, 512, 512)
    depths: tuple[int, int, int, int] = (3, 4, 6, 3)


class FitStyleConfig(Config):
    """One style encoder."""

    corpus: str
    out: str
    split: str = "train"
    held_out: str | None = "dev"
    network: StyleNetworkConfig = StyleNetworkConfig()
    train: TrainConfig = TrainConfig(steps=20_000, batch_size=256, learning_rate=1e-3, weight_decay=5e-3)
    resources: TrainResources = TrainResources()


def run(config: FitStyleConfig) -> dict[str, Any]:
    """Fit and publish `OUT/style_encoder`; returns the run's summary with the held-out accuracy."""
    corpus = Corpus(config.corpus)
    styles = train_styles(corpus, config.split)
    settings = {"job": JOB, **config.model_dump(mode="json", exclude={"out", "resources"}), "styles": styles}
    identity = {**settings, "corpus": corpus.digest}
    claim = Run(config.out, JOB, identity, config)
    return fit(claim, worker, {**settings, "corpus": corpus.storage.url}, config.resources)


def train_styles(corpus: Corpus, split: str) -> list[str]:
    """Sorted styles of a split, live ones included.

    Raises:
        ValueError: if there are fewer than two.
    """
    styles = sorted(set(corpus.column("style")[corpus.column("split") == split]))
    if len(styles) < 2:
        raise ValueError(
            f"{corpus.storage.url}: split {split!r} has {len(styles)} style(s), telling them apart needs two or more"
        )
    return styles


def worker(settings: dict[str, Any]) -> None:
    """What every Ray Train worker runs."""
    train_loop(StyleRecipe(settings), settings)


class StyleRecipe:
    """Cross-entropy of the style logits; half of the images mirrored."""

    def __init__(self, settings: dict[str, Any]) -> None:
        import torch

        from difffas.style_encoder import StyleEncoder

        self._corpus = Corpus(settings["corpus"])
        self._settings = settings
        self._pixels = PixelCache(self._corpus)
        self._styles = {style: number for number, style in enumerate(settings["styles"])}
        self._style = self._corpus.column("style")
        self._plan = Shuffled(self._corpus.where(split=settings["split"]), settings["train"]["seed"])
        torch.manual_seed(settings["train"]["seed"])
        self.network = StyleEncoder(styles=settings["styles"], **settings["network"])
        self._device = torch.device("cpu")

    def to(self, device: torch.device) -> None:
        """Move what the loss needs besides the network to the worker's device."""
        self._device = device

    def loss(self, network: torch.nn.Module, counters: np.ndarray, step: int) -> torch.Tensor:
        """Scalar loss of the samples with these counters."""
        import torch

        positions = self._plan(counters)
        mirrored = flips(counters, self._settings["train"]["seed"])
        images = training_images(self._pixels, positions, mirrored, self._device)
        _, logits = network(images)
        return torch.nn.functional.cross_entropy(logits, self._labels(positions))

    def _labels(self, positions: np.ndarray) -> torch.Tensor:
        import torch

        return torch.tensor([self._styles[self._style[i]] for i in positions], device=self._device)

    def updated(self) -> None:
        """Called after every optimiser step."""

    def state(self) -> dict[str, Any]:
        """Tensors and plain values that a restart needs."""
        return {"network": self.network.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.network.load_state_dict(state["network"])

    def export(self, folder: Path) -> dict[str, Any]:
        """Write the model below `folder`; returns the figures of the run."""
        self.network.eval()
        self.network.save_pretrained(folder / "style_encoder")
        return {"styles": list(self._styles), "accuracy": self._accuracy(self._settings["held_out"])}

    def _accuracy(self, split: str | None) -> float | None:
        """Share of the held-out rows of known styles that are classified right; None where there are none."""
        import torch

        if split is None:
            return None
        positions = self._corpus.where(split=split)
        positions = positions[[self._style[i] in self._styles for i in positions]]
        if not len(positions):
            return None
        right = 0
        with torch.no_grad():
            for chunk in np.array_split(positions, max(1, len(positions) // 64)):
                images = training_images(self._pixels, chunk, np.zeros(len(chunk), dtype=bool), self._device)
                _, logits = self.network(images)
                right += int((logits.argmax(dim=1) == self._labels(chunk)).sum())
        return right / len(positions)
