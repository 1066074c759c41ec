"""Fit a spoof classifier on real faces, or on real and generated ones, with cross-entropy or the RQ loss."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from factory.batches import PixelCache, Shuffled, flips, training_images
from factory.config import Config
from factory.corpus import Corpus
from factory.fit_style import train_styles
from factory.row import LIVE, LIVE_ATTACK
from factory.run import Run
from factory.train import TrainConfig, TrainResources, fit, train_loop

if TYPE_CHECKING:
    import torch

JOB = "fit-classifier"


class RowFilter(Config):
    """Closed ranges of sampler parameters that generated rows must lie in: filtering instead of generating again."""

    t0: tuple[int, int] = (0, 1000)
    cfg_scale: tuple[float, float] = (0.0, 1000.0)

    def positions(self, corpus: Corpus, split: str) -> np.ndarray:
        """Index positions of the generated rows of a split within the ranges."""
        keep = corpus.column("split") == split
        for name, (low, high) in {"t0": self.t0, "cfg_scale": self.cfg_scale}.items():
            values = corpus.column(name).astype(np.float64)
            keep &= (values >= low) & (values <= high)
        return np.flatnonzero(keep)


class LossConfig(Config):
    """`rq` is the sample-level relative quality loss (paper Eq. 13-18), its scales m_k of live and spoof."""

    name: Literal["cross-entropy", "rq"] = "rq"
    live_scale: float = Field(0.4, ge=0)
    spoof_scale: float = Field(0.2, ge=0)
    scale: float = Field(30.0, gt=0, description="s of Eq. 18")


class FitClassifierConfig(Config):
    """One classifier. `generated` is left out to train on real faces alone."""

    corpus: str
    generated: str | None = None
    generated_rows: RowFilter = RowFilter()
    out: str
    split: str = "train"
    backbone: str = Field("mobilevit_s", description="any timm name, or local-dir:FOLDER")
    loss: LossConfig = LossConfig()
    train: TrainConfig = TrainConfig(steps=10_000, batch_size=64, learning_rate=1e-4)
    resources: TrainResources = TrainResources()


def run(config: FitClassifierConfig) -> dict[str, Any]:
    """Fit and publish `OUT/classifier`; returns the run's summary."""
    corpus = Corpus(config.corpus)
    generated = Corpus(config.generated) if config.generated else None
    styles = set(train_styles(corpus, config.split))
    if generated is not None:
        kept = config.generated_rows.positions(generated, config.split)
        if not len(kept):
            raise ValueError(
                f"{generated.storage.url}: no row of split {config.split!r} passes generated_rows; widen it"
            )
        styles |= set(generated.column("style")[kept])
    settings = {"job": JOB, **config.model_dump(mode="json", exclude={"out", "resources"}), "styles": sorted(styles)}
    identity = {**settings, "corpus": corpus.digest, "generated": generated and generated.digest}
    places = {"corpus": corpus.storage.url, "generated": generated and generated.storage.url}
    return fit(Run(config.out, JOB, identity, config), worker, {**settings, **places}, config.resources)


def worker(settings: dict[str, Any]) -> None:
    """What every Ray Train worker runs."""
    train_loop(ClassifierRecipe(settings), settings)


def make_loss(config: LossConfig, styles: list[str]) -> Any:
    """The loss `(cosines, labels, quality) -> scalar` of a configuration."""
    from difffas import margin

    if config.name == "cross-entropy":
        return margin.CrossEntropy(scale=config.scale)
    live = tuple(is_live(style) for style in styles)
    return margin.RelativeQuality(live, config.live_scale, config.spoof_scale, config.scale)


def is_live(style: str) -> bool:
    """Whether a style name is that of a live class."""
    return style.rpartition("-")[2] == LIVE_ATTACK


class ClassifierRecipe:
    """Cosines of style classes under the configured loss; BRISQUE of the stored image is the quality."""

    def __init__(self, settings: dict[str, Any]) -> None:
        import torch

        from difffas.classifier import SpoofClassifier

        self._settings = settings
        real = Corpus(settings["corpus"])
        sources = [(real, real.where(split=settings["split"]))]
        if settings["generated"]:
            generated = Corpus(settings["generated"])
            keep = RowFilter.model_validate(settings["generated_rows"]).positions(generated, settings["split"])
            sources.append((generated, keep))
        self._rows = TrainingRows(sources, settings["styles"])
        self._plan = Shuffled(np.arange(len(self._rows)), settings["train"]["seed"])
        self._loss = make_loss(LossConfig.model_validate(settings["loss"]), settings["styles"])
        torch.manual_seed(settings["train"]["seed"])
        self.network = SpoofClassifier(
            settings["styles"],
            live_styles=[style for style in settings["styles"] if is_live(style)],
            backbone=settings["backbone"],
            scale=settings["loss"]["scale"],
        )
        self._device = torch.device("cpu")

    def to(self, device: torch.device) -> None:
        """Move what the loss needs besides the network to the worker's device."""
        self._device = device

    def loss(self, network: torch.nn.Module, counters: np.ndarray, step: int) -> torch.Tensor:
        """Scalar loss of the samples with these counters."""
        places = self._plan(counters)
        mirrored = flips(counters, self._settings["train"]["seed"])
        cosines = network(training_images(self._rows.pixels, places, mirrored, self._device))
        labels, quality = self._rows.labels(places), self._rows.quality(places)
        loss: torch.Tensor = self._loss(cosines, labels.to(self._device), quality.to(self._device))
        return loss

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
        self.network.save(folder / "classifier")
        return {"styles": self._settings["styles"], "rows": self._rows.counts()}


class TrainingRows:
    """Rows of several corpora under one numbering.

    Args:
        sources: (corpus, index positions) pairs. styles: class order.
    """

    def __init__(self, sources: list[tuple[Corpus, np.ndarray]], styles: list[str]) -> None:
        self._caches = [PixelCache(corpus) for corpus, _ in sources]
        self._source = np.concatenate([np.full(len(positions), i) for i, (_, positions) in enumerate(sources)])
        self._position = np.concatenate([positions for _, positions in sources])
        number = {style: i for i, style in enumerate(styles)}
        columns = [
            (corpus.column("style")[positions], corpus.column("brisque")[positions], corpus.column("label")[positions])
            for corpus, positions in sources
        ]
        self._label = np.array([number[style] for style in np.concatenate([column[0] for column in columns])])
        self._brisque = np.concatenate([column[1] for column in columns]).astype(np.float64)
        self._live = np.concatenate([column[2] for column in columns]) == LIVE

    def __len__(self) -> int:
        return len(self._position)

    def pixels(self, places: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3)."""
        images: list[np.ndarray | None] = [None] * len(places)
        for source, cache in enumerate(self._caches):
            mine = np.flatnonzero(self._source[places] == source)
            if len(mine):
                for place, image in zip(mine, cache(self._position[places[mine]]), strict=True):
                    images[place] = image
        return np.stack([image for image in images if image is not None])

    def labels(self, places: np.ndarray) -> torch.Tensor:
        """Class numbers, int64 (N,)."""
        import torch

        return torch.from_numpy(self._label[places])

    def quality(self, places: np.ndarray) -> torch.Tensor:
        """BRISQUE scores, float64 (N,); NaN where there is none."""
        import torch

        return torch.from_numpy(self._brisque[places])

    def counts(self) -> dict[str, int]:
        """Rows by kind, for the summary."""
        return {
            "real_live": int((self._live & (self._source == 0)).sum()),
            "real_spoof": int((~self._live & (self._source == 0)).sum()),
            "generated": int((self._source == 1).sum()),
        }
