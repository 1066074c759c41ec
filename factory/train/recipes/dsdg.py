"""Fit DSDG: a variational autoencoder of (live, spoof) pairs, which then makes new people (see `difffas.dsdg`)."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, PositiveInt

from difffas.errors import UserError
from factory.core import draws
from factory.core.config import Config, PathOrUrl
from factory.corpus import Corpus
from factory.models.people_sampler import VAE, write_vae_index
from factory.models.tensors import to_pixels, to_tensor
from factory.protocols import check, check_held_out, open_corpus, protocol_of, record
from factory.run import Run
from factory.train import (
    Evaluation,
    ModelFigures,
    TrainConfig,
    TrainResources,
    TrainSummary,
    WorkerSettings,
    check_resources,
    fit,
    needs,
)
from factory.train.ingest import Batch, BatchReader, Places, image_reader
from factory.train.triples import Pairs

if TYPE_CHECKING:
    import torch

    from difffas.dsdg import PairedVAE
    from difffas.dsdg_terms import DsdgLoss

STATION = "fit-dsdg"


class DsdgNetworkConfig(Config):
    """Arguments of `difffas.dsdg.PairedVAE` beside those that the corpus decides; all are ours."""

    channels: tuple[PositiveInt, ...] = Field(
        (32, 64, 128, 256, 512, 512), min_length=1, description="widths after each halving of the side"
    )
    latent: PositiveInt = Field(256, description="numbers in each of the three latents")


class DsdgWeightsConfig(Config):
    """Weights of the loss's terms beside reconstruction, whose weight is 1; ours, see `difffas.dsdg_terms`."""

    kl: float = Field(1e-3, ge=0, description="per nat; low: sharp faces, but a sampled latent decodes to nobody")
    mmd: float = Field(0.1, ge=0, description="discrepancy of the two identity latents")
    orthogonality: float = Field(0.01, ge=0, description="angle of identity and pattern of a spoof")
    classes: float = Field(0.02, ge=0, description="style of a pattern latent")
    pair: float = Field(0.01, ge=0, description="structure of a pair's two halves; the paper: face embeddings")
    identity: float = Field(0.05, ge=0, description="structure of a face and its source; the paper: face embeddings")


class DsdgEvaluationConfig(Config):
    """How held-out pairs are evaluated."""

    samples: int = Field(64, ge=1, description="pairs whose loss is computed")
    grid_rows: int = Field(6, ge=1, description="pairs, and new people, in the picture of samples")


class FitDsdgConfig(Config):
    """One generator of people."""

    corpus: PathOrUrl = Field(description="corpus of live faces and spoofs")
    protocol: PathOrUrl | None = Field(None, description="name or file; None: the corpus's own splits")
    out: PathOrUrl = Field(description="model folder to write")
    split: str = Field("train", description="split whose pairs it learns")
    held_out: str = Field("dev", description="split that train.evaluate_every evaluates")
    network: DsdgNetworkConfig = DsdgNetworkConfig()
    train: TrainConfig = TrainConfig(steps=50_000, batch_size=64, learning_rate=2e-4, warmup_steps=500)
    weights: DsdgWeightsConfig = DsdgWeightsConfig()
    ema_decay: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights, which the folder keeps")
    evaluation: DsdgEvaluationConfig = DsdgEvaluationConfig()
    resources: TrainResources = TrainResources()


def run(config: FitDsdgConfig) -> TrainSummary:
    """Fit and commit a model folder that `generate` takes; return the run's summary."""
    corpus = open_corpus(config.corpus, config.protocol)
    looks = config.train.evaluate_every is not None
    check(corpus, (config.split, *([config.held_out] if looks else [])))
    check_resources(config.train, config.resources)
    if config.resources.accumulate > 1:
        raise UserError(
            f"resources.accumulate {config.resources.accumulate}: the discrepancy compares the latents of a whole "
            "batch: leave accumulate out, or take more workers"
        )
    styles = train_styles(corpus, Pairs(corpus, config.split, config.train.seed))
    _network(config, corpus, styles)  # refuses sizes that the channels do not divide
    if looks:
        check_held_out(corpus, config.split, config.held_out)
        _held_out_pairs(config, corpus, styles)
    given = {"job": STATION, **config.model_dump(mode="json", exclude={"out", "resources"})}
    identity = {**given, "corpus": corpus.digest, "protocol": record(protocol_of(corpus))}
    claim = Run(config.out, STATION, identity, config, needs=needs(config.resources))
    url = corpus.storage.url
    settings = WorkerSettings(
        STATION,
        config.model_copy(update={"corpus": url}),
        config.train,
        config.resources,
        protocol_of(corpus),
        corpora={"corpus": url},
    )
    return fit(claim, worker, settings)


def train_styles(corpus: Corpus, pairs: Pairs) -> list[str]:
    """The styles of the spoofs that have a live partner, in the order of the classes."""
    return sorted(set(corpus.column("style")[pairs.spoofs].tolist()))


def _network(config: FitDsdgConfig, corpus: Corpus, styles: list[str]) -> PairedVAE:
    from difffas.dsdg import PairedVAE

    height, width, _ = corpus.pixels(corpus.where(split=config.split)[:1])[0].shape
    if height != width:
        raise UserError(f"{corpus.storage.url}: fit-dsdg takes square images, not {height}×{width}: prepare them anew")
    made: PairedVAE = PairedVAE(styles, config.split, height, **config.network.model_dump(mode="json"))
    return made


def _held_out_pairs(config: FitDsdgConfig, corpus: Corpus, styles: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the live faces and spoofs of held-out pairs whose styles the network knows."""
    looks = "or leave out train.evaluate_every and train.patience"
    try:
        pairs = Pairs(corpus, config.held_out, config.train.seed)
    except UserError as error:
        raise UserError(f"{error}; or set held_out to a split that has pairs, {looks}") from None
    drawn = pairs(np.arange(len(pairs.spoofs)))
    known = np.isin(corpus.column("style")[drawn.spoof], styles)
    if not known.any():
        raise UserError(
            f"{corpus.storage.url}: split {config.held_out!r} has no pair of a style of split {config.split!r}, such "
            f"as {styles[0]}: set held_out to another, {looks}"
        )
    kept = np.flatnonzero(known)[: config.evaluation.samples]
    return drawn.live[kept], drawn.spoof[kept]


def worker(settings: WorkerSettings[FitDsdgConfig]) -> str | None:
    """The function that every Ray Train worker runs."""
    from factory.train.loop import train_loop

    return train_loop(DsdgRecipe(settings), settings)


class DsdgRecipe:
    """The loss of pairs; keeps and exports an average of the parameters."""

    def __init__(self, settings: WorkerSettings[FitDsdgConfig]) -> None:
        import torch

        from difffas.ema import EMA

        config = self._config = settings.config
        self._batch_size, self._seed = settings.train.batch_size, settings.train.seed
        self._corpus = open_corpus(config.corpus, settings.protocol)
        self._pairs = Pairs(self._corpus, config.split, self._seed)
        self._styles = train_styles(self._corpus, self._pairs)
        torch.manual_seed(self._seed)
        self.network = self._new()
        self._average = EMA(self.network, config.ema_decay, warm_start=settings.train.steps // 5)
        self._device = torch.device("cpu")

    def _new(self) -> PairedVAE:
        return _network(self._config, self._corpus, self._styles)

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        """The modules in a checkpoint."""
        return {"network": self.network, "average": self._average.model}

    def to(self, device: torch.device) -> None:
        """Move everything to the worker's device."""
        self._device = device
        for module in self.modules.values():
            module.to(device)

    def begin(self) -> None:
        """Nothing to do: no module is initialised from data."""

    def resumed(self, updates: int) -> None:
        """Called after a checkpoint has restored the modules to their state after `updates` updates."""
        self._average.updates = updates

    def reader(self, rank: int, world: int) -> BatchReader[Places]:
        """Batches of `spoof`, `live`, `style`, the class number, and `keys`; both halves of a pair mirrored alike."""
        pairs = self._pairs  # sent to the reader's process
        columns = {"style": self._numbers(np.arange(len(self._corpus)))}

        def samples(counters: np.ndarray) -> dict[str, np.ndarray]:
            drawn = pairs(counters)
            return {"spoof": drawn.spoof, "live": drawn.live}

        return image_reader([self._corpus], samples, columns, self._batch_size, self._seed, rank, world)

    def _numbers(self, rows: np.ndarray) -> np.ndarray:
        """Class numbers of rows; −1 for a style outside the classes."""
        number = {style: place for place, style in enumerate(self._styles)}
        return np.array([number.get(style, -1) for style in self._corpus.column("style")[rows]])

    def loss(self, network: torch.nn.Module, batch: Batch, counters: np.ndarray) -> torch.Tensor:
        """The weighted sum of the terms; latents are drawn with noise that follows from the counters."""
        noise = noise_by_counter(counters, self._config.network.latent, self._seed)
        return self._terms(network, batch["live"], batch["spoof"], batch["style"], noise).total

    def _terms(
        self, network: torch.nn.Module, live: np.ndarray, spoof: np.ndarray, styles: np.ndarray, noise: torch.Tensor
    ) -> DsdgLoss:
        import torch

        from difffas.dsdg_terms import Weights, dsdg_loss

        faces = to_tensor(live, self._device), to_tensor(spoof, self._device)
        labels = torch.from_numpy(np.array(styles)).to(self._device)
        made = network(*faces, noise.to(self._device))
        return dsdg_loss(made, *faces, labels, Weights(**self._config.weights.model_dump()))

    def updated(self) -> None:
        """Called after every optimiser step."""
        self._average.update(self.network)

    def evaluate(self) -> Evaluation:
        """The averaged network's terms on held-out pairs, which the total scores, and what it makes of some of them.

        The picture has a row per pair: the live face and what the network makes of it, the same of the spoof, and
        both halves of a new person.
        """
        import torch

        from factory.train.parallel import whole

        average, (live, spoof) = whole(self._average.model, self._new), self._held_out
        rows = np.arange(len(live))
        found: list[DsdgLoss] = []
        with torch.no_grad():
            for part in np.array_split(rows, -(-len(rows) // self._batch_size)):
                noise = noise_by_counter(part, self._config.network.latent, self._seed + 1)
                found.append(self._terms(average, live[part], spoof[part], self._held_out_styles[part], noise))
        sizes = [len(part) for part in np.array_split(rows, len(found))]
        figures = {
            name: float(np.average([float(getattr(each, name)) for each in found], weights=sizes))
            for name in found[0]._fields
        }
        return Evaluation(figures, score=-figures["total"], images={"samples": self._grid(average)})

    def _grid(self, vae: PairedVAE) -> np.ndarray:
        """The evaluation's picture, uint8 (H, W, 3)."""
        import torch

        live, spoof = (faces[: self._config.evaluation.grid_rows] for faces in self._held_out)
        count = len(live)
        with torch.no_grad():
            centre = torch.zeros(count, 3, self._config.network.latent, device=self._device)
            made = vae(to_tensor(live, self._device), to_tensor(spoof, self._device), centre)
            people = vae.sample([self._styles[place % len(self._styles)] for place in range(count)], range(count))
        again = [to_pixels(faces) for faces in (made.live, made.spoof, *people)]
        columns = live, again[0], spoof, again[1], again[2], again[3]
        return np.concatenate(np.concatenate(columns, axis=2), axis=0)

    @functools.cached_property
    def _held_out_rows(self) -> tuple[np.ndarray, np.ndarray]:
        return _held_out_pairs(self._config, self._corpus, self._styles)

    @functools.cached_property
    def _held_out(self) -> tuple[np.ndarray, np.ndarray]:
        live, spoof = self._held_out_rows
        return self._corpus.pixels(live), self._corpus.pixels(spoof)

    @functools.cached_property
    def _held_out_styles(self) -> np.ndarray:
        return self._numbers(self._held_out_rows[1])

    def keep(self, step: int) -> dict[str, bytes]:
        """Nothing is kept beside the model."""
        return {}

    def export(self, folder: Path) -> ModelFigures:
        """Write the model below `folder`; return the figures of the run."""
        from factory.train.parallel import whole

        average = whole(self._average.model, self._new)
        average.save_pretrained(folder / VAE)
        write_vae_index(folder)
        return {"parameters": sum(parameter.numel() for parameter in average.parameters())}


def noise_by_counter(counters: np.ndarray, latent: int, seed: int) -> torch.Tensor:
    """N(0, I) for the latents of samples by their counters, (B, 3, latent): the same for any number of workers."""
    import torch

    seeds = draws.bits(counters, seed, "latents") >> np.uint64(1)
    return torch.stack([torch.randn(3, latent, generator=torch.Generator().manual_seed(int(each))) for each in seeds])
