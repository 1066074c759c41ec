"""Fit the style encoder: cross-entropy on the style label, live styles included (paper Eq. 8)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from difffas.errors import UserError
from factory.core.config import Config, PathOrUrl, build, is_empty, is_none, is_on
from factory.core.documents import JsonObject
from factory.corpus import Corpus
from factory.models.load import encoder_config, encoder_digest, load_style_encoder
from factory.models.settings import GeneratorFolder
from factory.protocols import check, check_held_out, check_model, open_corpus, protocol_of, record
from factory.run import Run
from factory.storage import Storage
from factory.train import (
    Evaluation,
    ModelFigures,
    TrainConfig,
    TrainResources,
    TrainSummary,
    WorkerSettings,
    check_out,
    check_resources,
    fit,
    needs,
)
from factory.train.batches import PixelCache, Shuffled
from factory.train.recipes.labels import Images, LabelRecipe, outputs, ranked
from factory.train.recipes.varied import DESCRIPTION, varied

if TYPE_CHECKING:
    import torch

    from difffas.style_encoder import StyleEncoder

STATION = "fit-style"


class StyleNetworkConfig(Config):
    """Widths and depths of `difffas.StyleEncoder`; the defaults are the full-size network."""

    stem_channels: PositiveInt = Field(64, description="channels of the first layer")
    channels: tuple[PositiveInt, ...] = Field(
        (64, 256, 512, 512),
        min_length=4,
        max_length=4,
        description="channels of each stage; the last three give the style's maps",
    )
    depths: tuple[PositiveInt, ...] = Field(
        (3, 4, 6, 3), min_length=4, max_length=4, description="blocks of each stage"
    )


class FitStyleConfig(Config):
    """One style encoder."""

    corpus: PathOrUrl = Field(description="corpus whose styles to tell apart")
    protocol: PathOrUrl | None = Field(None, description="name or file; None: the corpus's own splits")
    out: PathOrUrl = Field(description="model folder to write, local or s3://")
    split: str = Field("train", description="split to learn from")
    held_out: str | None = Field("dev", description="split of people to look at only; null: nobody")
    initial: GeneratorFolder | None = Field(
        None, exclude_if=is_none, description="folder with a style encoder to start from; its styles may be others"
    )
    network: StyleNetworkConfig = StyleNetworkConfig()
    mirror: bool = Field(True, exclude_if=is_on, description="mirror half of the images")
    vary: bool = Field(False, exclude_if=is_empty, description=DESCRIPTION)
    train: TrainConfig = TrainConfig(steps=20_000, batch_size=256, learning_rate=1e-3, weight_decay=5e-3)
    resources: TrainResources = TrainResources()

    @model_validator(mode="after")
    def _check(self) -> FitStyleConfig:
        if self.initial is not None and "network" in self.model_fields_set:
            raise UserError("network is that of the initial style encoder: leave it out")
        return self


def run(config: FitStyleConfig) -> TrainSummary:
    """Fit and commit `OUT/style_encoder`; return the run's summary with the held-out accuracy."""
    corpus = open_corpus(config.corpus, config.protocol)
    check(corpus, (config.split, config.held_out if config.train.evaluate_every else None))
    styles = train_styles(corpus, config.split)
    check_resources(config.train, config.resources)
    check_out(config.out)
    if config.held_out is not None:
        check_held_out(corpus, config.split, config.held_out)
    if config.train.evaluate_every and not len(held_out_rows(corpus, config.held_out, styles)):
        raise UserError(
            f"{corpus.storage.url}: split {config.held_out!r} has no row of a style to train on, which "
            f"train.evaluate_every needs: leave it out, or set held_out to a split that has"
        )
    started, known = starting_point(config)
    if started.initial is not None:
        check_model(Storage(started.initial), protocol_of(corpus), "the model in")
    given = {"job": STATION, **config.model_dump(mode="json", exclude={"out", "resources"}), "styles": styles}
    identity = {**given, "corpus": corpus.digest, "protocol": record(protocol_of(corpus)), **known}
    claim = Run(config.out, STATION, identity, config, needs=needs(config.resources))
    return fit(claim, worker, worker_settings(started, corpus, styles))


def starting_point(config: FitStyleConfig) -> tuple[FitStyleConfig, JsonObject]:
    """The configuration with the folder and the network to start from, and the facts that enter the fingerprint.

    Raises:
        UserError: if `initial` holds no style encoder, or an incomplete one.
    """
    if config.initial is None:
        return config, {}
    folder = Storage(config.initial)
    digest, network = encoder_digest(folder), encoder_config(folder)
    kept = {name: network[name] for name in StyleNetworkConfig.model_fields}
    places = {"initial": folder.url, "network": build(StyleNetworkConfig, kept)}
    return config.model_copy(update=places), {"initial": digest, "network": kept}


def worker_settings(config: FitStyleConfig, corpus: Corpus, styles: list[str]) -> WorkerSettings[FitStyleConfig]:
    """What the workers are told; `config` knows its starting point."""
    url = corpus.storage.url
    return WorkerSettings(
        STATION,
        config.model_copy(update={"corpus": url}),
        config.train,
        config.resources,
        protocol_of(corpus),
        tuple(styles),
        {"corpus": url},
    )


def train_styles(corpus: Corpus, split: str) -> list[str]:
    """Sorted styles of a split, including live styles.

    Raises:
        UserError: if there are fewer than two styles.
    """
    styles = sorted(set(corpus.column("style")[corpus.column("split") == split]))
    if len(styles) < 2:
        raise UserError(
            f"{corpus.storage.url}: split {split!r} has {len(styles)} style(s): telling styles apart needs two or more"
        )
    return styles


def held_out_rows(corpus: Corpus, split: str | None, styles: list[str]) -> np.ndarray:
    """Positions of the rows of a split whose style is known; empty without a split."""
    positions = corpus.where(split=split) if split is not None else np.empty(0, dtype=np.int64)
    known = np.isin(corpus.column("style")[positions].astype(str), styles)
    held_out: np.ndarray = positions[known]
    return held_out


def worker(settings: WorkerSettings[FitStyleConfig]) -> str | None:
    """The function that every Ray Train worker runs."""
    from factory.train.loop import train_loop

    return train_loop(style_recipe(settings), settings)


def style_recipe(settings: WorkerSettings[FitStyleConfig]) -> LabelRecipe:
    """The recipe of a style encoder."""
    return LabelRecipe(StyleObjective(settings), settings.train, settings.config.mirror)


class StyleObjective:
    """Cross-entropy of the style logits."""

    def __init__(self, settings: WorkerSettings[FitStyleConfig]) -> None:
        import torch

        config = settings.config
        corpus = open_corpus(config.corpus, settings.protocol)
        self._styles, self._config = list(settings.styles), config.network
        self._vary, self._seed = config.vary, settings.train.seed
        numbers = {style: number for number, style in enumerate(self._styles)}
        self._labels = np.array([numbers.get(style, -1) for style in corpus.column("style")])
        plan = Shuffled(corpus.where(split=config.split), settings.train.seed)
        self.images = Images([corpus], plan, {"label": self._labels})
        self._held_out = held_out_rows(corpus, config.held_out, self._styles)
        self._pixels = PixelCache(corpus)  # of the held-out rows
        torch.manual_seed(settings.train.seed)
        self.network = self._new()
        if config.initial is not None:
            self.network.start_from(load_style_encoder(config.initial))

    def _new(self) -> StyleEncoder:
        from difffas.style_encoder import StyleEncoder

        made: StyleEncoder = StyleEncoder(styles=self._styles, **self._config.model_dump(mode="json"))
        return made

    def loss(
        self, network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, counters: np.ndarray
    ) -> torch.Tensor:
        """Cross-entropy of the style; how a sample varies follows from its counter."""
        import torch

        _, logits = network(varied(images, counters, self._seed) if self._vary else images)
        return torch.nn.functional.cross_entropy(logits.float(), labels)

    def evaluate(self, device: torch.device) -> Evaluation:
        """Accuracy and cross-entropy on held-out subjects; ties in accuracy go to the lower cross-entropy.

        Accuracy alone reaches 1 and stays there long before the features stop improving.
        """
        figures = self._judged(self.network.eval(), device)
        assert figures is not None, "fit-style asks for held-out rows"
        return Evaluation(figures, ranked(figures["accuracy"], figures["cross_entropy"], len(self._held_out)))

    def export(self, folder: Path, device: torch.device) -> ModelFigures:
        """Write the model below `folder`; return the figures of the run."""
        from factory.train.parallel import whole

        network = whole(self.network, self._new)
        network.save_pretrained(folder / "style_encoder")
        figures = self._judged(network, device)
        return {"styles": self._styles, "accuracy": figures["accuracy"] if figures else None}

    def _judged(self, network: torch.nn.Module, device: torch.device) -> dict[str, float] | None:
        """Accuracy and loss on the held-out rows of known styles; None if there are no such rows."""
        import torch

        if not len(self._held_out):
            return None
        logits = outputs(lambda images: network(images)[1], self._pixels, self._held_out, device)
        labels = torch.from_numpy(self._labels[self._held_out])
        return {
            "accuracy": float((logits.argmax(dim=1) == labels).double().mean()),
            "cross_entropy": torch.nn.functional.cross_entropy(logits.float(), labels).item(),
        }
