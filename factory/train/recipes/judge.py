"""Fit a judge of style: a network that the generator never meets, on other people, with augmented images.

The style encoder that conditions a generator is a poor judge of it: it is part of what it judges. docs/auditing.md
says how `audit` uses a judge.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from difffas.errors import UserError
from factory.core.config import Config, PathHere, PathOrUrl, is_none
from factory.models import backbone
from factory.models.backbone import FOLDERS, NAMES
from factory.models.tensors import to_tensor
from factory.protocols import check, check_held_out, open_corpus, protocol_of, record
from factory.run import Run
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
from factory.train.recipes.classifier import image_size
from factory.train.recipes.labels import Images, LabelRecipe, outputs, ranked
from factory.train.recipes.losses import is_live
from factory.train.recipes.style import held_out_rows, train_styles

if TYPE_CHECKING:
    import torch

    from difffas.classifier import SpoofClassifier

STATION = "fit-judge"


class FitJudgeConfig(Config):
    """One judge. Give a corpus of people whom the generator was not fitted on."""

    corpus: PathOrUrl = Field(description="corpus of other people than the generator's")
    protocol: PathOrUrl | None = Field(None, description="name or file; None: the corpus's own splits")
    out: PathOrUrl = Field(description="model folder to write, local or s3://")
    split: str = Field("train", description="split to learn from")
    held_out: str = Field("dev", description="split whose people say how often the judge is right")
    backbone: PathOrUrl = Field("resnet18", description=NAMES)
    backbones: PathHere | None = Field(None, exclude_if=is_none, description=FOLDERS)
    train: TrainConfig = TrainConfig(
        steps=3000, batch_size=64, learning_rate=1e-3, weight_decay=0.02, cosine_decay=True
    )
    resources: TrainResources = TrainResources()


def run(config: FitJudgeConfig) -> TrainSummary:
    """Fit and commit `OUT/classifier`; return the run's summary with the accuracy on held-out people."""
    corpus = open_corpus(config.corpus, config.protocol)
    check(corpus, (config.split, config.held_out))
    styles = train_styles(corpus, config.split)
    if len({is_live(style) for style in styles}) == 1:
        raise UserError(f"{corpus.storage.url}: split {config.split!r} has only live faces or only spoofs: give both")
    check_resources(config.train, config.resources)
    check_out(config.out)
    check_held_out(corpus, config.split, config.held_out)
    if not len(held_out_rows(corpus, config.held_out, styles)):
        raise UserError(f"{corpus.storage.url}: split {config.held_out!r} has no row of a style of {config.split!r}")
    located = backbone.found(config.backbone, config.backbones)
    facts = {"corpus": corpus.digest, "backbone": backbone.identity(located)}
    backbone.check_size(located, image_size(corpus, config.split))
    backbone.say_start(STATION, located)
    chosen = config.model_dump(mode="json", exclude={"out", "resources", "backbones"})
    given = {"job": STATION, **chosen, "styles": styles}
    claim = Run(
        config.out,
        STATION,
        {**given, **facts, "protocol": record(protocol_of(corpus))},
        config,
        needs=needs(config.resources),
    )
    url = corpus.storage.url
    places = {"corpus": url, "backbone": located}
    settings = WorkerSettings(
        STATION,
        config.model_copy(update=places),
        config.train,
        config.resources,
        protocol_of(corpus),
        tuple(styles),
        {"corpus": url},
    )
    return fit(claim, worker, settings)


def worker(settings: WorkerSettings[FitJudgeConfig]) -> str | None:
    """The function that every Ray Train worker runs."""
    from factory.train.loop import train_loop

    return train_loop(LabelRecipe(JudgeObjective(settings), settings.train), settings)


class JudgeObjective:
    """Cross-entropy of the styles, live ones included, of images as another camera may have shown them."""

    def __init__(self, settings: WorkerSettings[FitJudgeConfig]) -> None:
        import torch

        config = self._config = settings.config
        self._seed, self._styles = settings.train.seed, list(settings.styles)
        corpus = open_corpus(config.corpus, settings.protocol)
        numbers = {style: number for number, style in enumerate(self._styles)}
        self._labels = np.array([numbers.get(style, -1) for style in corpus.column("style")])
        plan = Shuffled(corpus.where(split=config.split), self._seed)
        self.images = Images([corpus], plan, {"label": self._labels})
        self._held_out = held_out_rows(corpus, config.held_out, self._styles)
        self._pixels, self._size = PixelCache(corpus), image_size(corpus, config.split)
        torch.manual_seed(self._seed)
        self.network = self._new()

    def _new(self) -> SpoofClassifier:
        from difffas.classifier import SpoofClassifier

        return SpoofClassifier(
            self._styles,
            live_styles=[style for style in self._styles if is_live(style)],
            backbone=backbone.here(self._config.backbone),
            backbone_args=backbone.arguments(self._config.backbone, self._size),
            image_size=self._size,
        )

    def loss(
        self, network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, counters: np.ndarray
    ) -> torch.Tensor:
        """Cross-entropy of the style; a sample's augmentation follows from its counter."""
        import torch

        from difffas.camera import photographed
        from factory.models.tensors import to_pixels

        varied = [
            photographed(image, np.random.default_rng((self._seed, int(counter))))
            for image, counter in zip(to_pixels(images), counters, strict=True)
        ]
        cosines = network(to_tensor(np.stack(varied), images.device))
        return torch.nn.functional.cross_entropy(self.network.scale * cosines, labels, label_smoothing=0.05)

    def evaluate(self, device: torch.device) -> Evaluation:
        """Accuracy on held-out people: of all styles, and of the style that is judged worst.

        Ties in accuracy go to the lower cross-entropy, as for a style encoder.
        """
        import torch

        cosines, labels = self._outputs(self.network.eval(), device)
        figures = _figures(cosines, labels)
        cross_entropy = torch.nn.functional.cross_entropy(self.network.scale * cosines, torch.from_numpy(labels))
        return Evaluation(figures, score=ranked(figures["accuracy"], cross_entropy.item(), len(labels)))

    def export(self, folder: Path, device: torch.device) -> ModelFigures:
        """Write the judge below `folder`; return the figures of the run."""
        from factory.train.parallel import whole

        network = whole(self.network, self._new)
        network.save(folder / "classifier")
        return {"styles": self._styles, "accuracy": _figures(*self._outputs(network.eval(), device))["accuracy"]}

    def _outputs(self, network: SpoofClassifier, device: torch.device) -> tuple[torch.Tensor, np.ndarray]:
        """Cosines and labels of the held-out rows."""
        cosines = outputs(network.__call__, self._pixels, self._held_out, device)
        return cosines.float(), self._labels[self._held_out]


def _figures(cosines: torch.Tensor, labels: np.ndarray) -> dict[str, float]:
    right = cosines.argmax(dim=1).numpy() == labels
    return {
        "accuracy": float(right.mean()),
        "worst_style": min(float(right[labels == label].mean()) for label in np.unique(labels)),
    }
