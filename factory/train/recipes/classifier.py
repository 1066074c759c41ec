"""Fit a spoof classifier on real faces, or on real and generated faces, with any loss of `difffas.losses`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from difffas.errors import UserError
from factory.core.config import Config, PathHere, PathOrUrl, is_empty, is_none
from factory.core.documents import JsonObject
from factory.corpus import Corpus
from factory.corpus.generated import are_invented
from factory.corpus.kept import Audit, kept_by
from factory.corpus.row import LIVE, SPOOF
from factory.models import backbone
from factory.models.backbone import FOLDERS, NAMES
from factory.protocols import check, check_generated, check_held_out, open_corpus, protocol_of, record
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
from factory.train.batches import PixelCache, SamplePlan, share
from factory.train.recipes.embeddings import Embeddings, EmbeddingsConfig, check_steps
from factory.train.recipes.labels import Images, LabelRecipe, outputs, ranked
from factory.train.recipes.losses import (
    LossConfig,
    check_parts,
    domains_of_live,
    is_live,
    make_loss,
    patches_of,
    say_part,
    say_unscored,
)
from factory.train.recipes.sampling import Rows, SamplingConfig, sampling_plan
from factory.train.recipes.style import train_styles
from factory.train.recipes.varied import DESCRIPTION, varied
from factory.train.recipes.views import VIEWS, two_views

if TYPE_CHECKING:
    import torch

    from difffas.classifier import SpoofClassifier
    from difffas.losses import WithDiscriminator

STATION = "fit-classifier"


class RowFilter(Config):
    """Closed ranges in which generated rows' sampler parameters must lie: filter rows instead of generating again.

    Rows of new people have no such parameters and always pass.
    """

    t0: tuple[int, int] = Field((0, 1000), description="closed range of T₀ of the rows to take")
    cfg_scale: tuple[float, float] = Field((0.0, 1000.0), description="closed range of w of the rows to take")

    def positions(self, corpus: Corpus, split: str) -> np.ndarray:
        """Index positions of the generated rows of a split within the ranges."""
        keep, invented = corpus.column("split") == split, are_invented(corpus.index)
        for name, (low, high) in {"t0": self.t0, "cfg_scale": self.cfg_scale}.items():
            values = corpus.column(name).astype(np.float64)
            keep &= invented | ((values >= low) & (values <= high))
        return np.flatnonzero(keep)


class FitClassifierConfig(Config):
    """One classifier. Leave `generated` out to train on real faces alone."""

    corpus: PathOrUrl = Field(description="corpus of real faces to learn from")
    generated: PathOrUrl | None = Field(
        None, description="corpus of spoofs to learn from as well; null: real faces alone"
    )
    protocol: PathOrUrl | None = Field(None, description="name or file; None: the corpora's own splits")
    generated_rows: RowFilter = RowFilter()
    audit: PathOrUrl | None = Field(None, description="audit of `generated`: only accepted rows count")
    out: PathOrUrl = Field(description="model folder to write, local or s3://")
    split: str = Field("train", description="split to learn from")
    held_out: str | None = Field("dev", description="split for evaluations during training")
    backbone: PathOrUrl = Field("mobilevit_s", description=NAMES)
    backbones: PathHere | None = Field(None, exclude_if=is_none, description=FOLDERS)
    loss: LossConfig = Field(default_factory=LossConfig)
    sampling: SamplingConfig = SamplingConfig()
    embeddings: EmbeddingsConfig | None = Field(
        None, exclude_if=is_none, description="keep embeddings of training rows for the report's Fig. 12"
    )
    vary: bool = Field(False, exclude_if=is_empty, description=DESCRIPTION)
    train: TrainConfig = TrainConfig(steps=10_000, batch_size=64, learning_rate=1e-4)
    resources: TrainResources = TrainResources()


def run(config: FitClassifierConfig, callbacks: Sequence[Any] = ()) -> TrainSummary:
    """Fit and commit `OUT/classifier`; return the run's summary. `callbacks` are those of `train.fit`."""
    identity, settings = prepared(config)
    claim = Run(config.out, STATION, identity, config, needs=needs(config.resources))
    return fit(claim, worker, settings, callbacks)


def prepared(config: FitClassifierConfig) -> tuple[JsonObject, WorkerSettings[FitClassifierConfig]]:
    """The facts that decide the result, and the settings for the workers.

    Raises:
        UserError: for a configuration that cannot run, before anything is written.
    """
    corpus = open_corpus(config.corpus, config.protocol)
    check(corpus, (config.split, config.held_out if config.train.evaluate_every else None))
    generated = open_corpus(config.generated, config.protocol) if config.generated else None
    sources = [(corpus, corpus.where(split=config.split))]
    styles = set(train_styles(corpus, config.split))
    check_resources(config.train, config.resources)
    check_steps(config.embeddings, config.train.steps)
    check_out(config.out)
    if config.embeddings is not None and patches_of(config.loss, image_size(corpus, config.split)) is not None:
        raise UserError(f"embeddings are of whole faces, and loss {config.loss.name!r} looks at patches: drop it")
    if config.train.evaluate_every:
        _require_both(corpus, config.held_out)
        check_held_out(corpus, config.split, str(config.held_out))
    check_parts(config.loss, config.resources)
    if config.audit is not None and generated is None:
        raise UserError("audit is of generated rows: set generated, or leave audit out")
    if generated is not None:
        check_generated(generated, [corpus], config.split)
        kept, _ = kept_by(config.audit, generated, config.generated_rows.positions(generated, config.split))
        if not len(kept):
            passes = "generated_rows and the audit" if config.audit else "generated_rows"
            raise UserError(f"{generated.storage.url}: no row of split {config.split!r} passes {passes}; widen it")
        sources.append((generated, kept))
        styles |= set(generated.column("style")[kept])
    if len({is_live(style) for style in styles}) == 1:
        raise UserError(f"{corpus.storage.url}: split {config.split!r} has only live faces or only spoofs: give both")
    rows = TrainingRows(sources, sorted(styles))
    rows.plan(config.sampling, config.train.seed)  # refuses bad settings before the claim
    say_unscored(config.loss, rows.columns["brisque"][rows.numbers])
    say_part(config.loss, sorted(styles))
    located = backbone.found(config.backbone, config.backbones)
    network = {"backbone": backbone.identity(located)}
    backbone.check_size(located, seen_size(config.loss, image_size(corpus, config.split)))
    backbone.say_start(STATION, located)
    given = config.model_dump(mode="json", exclude={"out", "resources", "audit", "backbones"})
    digests = {"corpus": corpus.digest, "generated": generated.digest if generated else None}
    audit = Audit(config.audit) if config.audit is not None else None
    identity: JsonObject = {"job": STATION, **given, "styles": sorted(styles), **network, **digests}
    identity |= {"protocol": record(protocol_of(corpus)), **({"audit": audit.digest} if audit else {})}
    urls = {"corpus": corpus.storage.url, **({"generated": generated.storage.url} if generated else {})}
    places = {**urls, "audit": audit and audit.storage.url, "backbone": located}
    return identity, WorkerSettings(
        STATION,
        config.model_copy(update=places),
        config.train,
        config.resources,
        protocol_of(corpus),
        tuple(sorted(styles)),
        urls,
    )


def seen_size(loss: LossConfig, size: int) -> int:
    """H = W of what the network sees of faces of this size: the face, or a patch of it."""
    patches = patches_of(loss, size)
    return size if patches is None else patches.side


def image_size(corpus: Corpus, split: str) -> int:
    """H = W of the images of a split."""
    return len(corpus.pixels(corpus.where(split=split)[:1])[0])


def held_out_rows(corpus: Corpus, split: str | None) -> np.ndarray:
    """Positions of the rows of a split; empty without a split."""
    return corpus.where(split=split) if split is not None else np.empty(0, dtype=np.int64)


def _require_both(corpus: Corpus, split: str | None) -> None:
    kinds = set(corpus.column("label")[held_out_rows(corpus, split)].tolist())
    if kinds != {LIVE, SPOOF}:
        raise UserError(
            f"{corpus.storage.url}: split {split!r} lacks live faces or attacks, and train.evaluate_every needs both: "
            f"leave it out, or set held_out to a split that has them"
        )


def worker(settings: WorkerSettings[FitClassifierConfig]) -> str | None:
    """The function that every Ray Train worker runs."""
    from factory.train.loop import train_loop

    return train_loop(classifier_recipe(settings), settings)


def classifier_recipe(settings: WorkerSettings[FitClassifierConfig]) -> LabelRecipe:
    """The recipe of a spoof classifier."""
    objective = ClassifierObjective(settings)
    return LabelRecipe(objective, settings.train, embeddings=objective.embeddings)


class ClassifierObjective:
    """Cosines of style classes under the configured loss; quality comes from the BRISQUE of the stored images."""

    def __init__(self, settings: WorkerSettings[FitClassifierConfig]) -> None:
        import torch

        config = self._config = settings.config
        self._train, self._styles = settings.train, list(settings.styles)
        self._left_out: dict[str, int] | None = None
        real = open_corpus(config.corpus, settings.protocol)
        sources = [(real, real.where(split=config.split))]
        if config.generated:
            generated = open_corpus(config.generated, settings.protocol)
            keep = config.generated_rows.positions(generated, config.split)
            keep, self._left_out = kept_by(config.audit, generated, keep)
            sources.append((generated, keep))
        self._rows = TrainingRows(sources, self._styles)
        self._loss = make_loss(config.loss, self._styles)
        self._plan = self._rows.plan(config.sampling, settings.train.seed)
        self.images = Images(self._rows.corpora, self._plan, self._rows.columns)
        kept, corpora = config.embeddings, self._rows.corpora
        self.embeddings = Embeddings(kept, corpora, self._rows.numbers) if kept is not None else None
        self._held_out = held_out_rows(real, config.held_out)
        self._spoof = (real.column("label")[self._held_out] == SPOOF).astype(np.int64)
        self._pixels = PixelCache(real)  # of the held-out rows
        self._size = image_size(real, config.split)
        torch.manual_seed(settings.train.seed)
        self.network = self._new_network()

    def _new_network(self) -> SpoofClassifier | WithDiscriminator:
        """The classifier, and what its loss trains beside it."""
        from difffas.losses import WithDiscriminator

        classifier = self._new()
        if not self._loss.adversarial:
            return classifier
        width = classifier.head.weight.shape[1]
        return WithDiscriminator(classifier, width, len(domains_of_live(self._styles)))

    def _new(self) -> SpoofClassifier:
        from difffas.classifier import SpoofClassifier

        return SpoofClassifier(
            self._styles,
            live_styles=[style for style in self._styles if is_live(style)],
            backbone=backbone.here(self._config.backbone),
            scale=self._config.loss.parameters["scale"],
            backbone_args=backbone.arguments(self._config.backbone, seen_size(self._config.loss, self._size)),
            image_size=self._size,
            patches=patches_of(self._config.loss, self._size),
        )

    def loss(
        self, network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, counters: np.ndarray
    ) -> torch.Tensor:
        """The configured loss; how a sample varies follows from its counter."""
        if self._config.vary:
            images = varied(images, counters, self._train.seed)
        quality = self._quality(counters)
        if (patches := patches_of(self._config.loss, self._size)) is not None:
            images = two_views(images, counters, self._train.seed, patches.side)
            labels, quality = labels.repeat(VIEWS), quality.repeat(VIEWS)
        reversal = {"strength": self._strength(counters).to(images.device)} if self._loss.adversarial else {}
        cosines, features, *domain_logits = network(images, with_features=True, **reversal)
        return self._loss(cosines, labels, quality, features, *domain_logits)

    def _strength(self, counters: np.ndarray) -> torch.Tensor:
        """Strength of the gradient reversal in this step; as a tensor, since a new number would be compiled anew."""
        import torch

        from difffas.losses import reversal_strength

        step = int(counters[0]) // self._train.batch_size
        return torch.tensor(reversal_strength(step / self._train.steps))

    def _quality(self, counters: np.ndarray) -> torch.Tensor:
        """Relative quality of these samples within the batch of all workers and parts, on the CPU.

        The plan gives the batch and the index gives its scores, so the workers need not communicate.
        """
        import torch

        from difffas.losses import relative_quality

        batch_size = self._train.batch_size
        whole = share(int(counters[0]) // batch_size, batch_size, 0, 1)
        scores = torch.from_numpy(self._rows.columns["brisque"][self._plan(whole)])
        return relative_quality(scores)[counters - whole[0]]

    def evaluate(self, device: torch.device) -> Evaluation:
        """AUC and detection equal error rate of the held-out rows, frame by frame.

        The AUC is the score; ties go to the lower cross-entropy, since few held-out people are soon told apart.
        """
        from difffas.metrics import auc, d_eer

        cosines = outputs(self.network.eval().__call__, self._pixels, self._held_out, device)
        liveness = _classifier(self.network).liveness(cosines.float()).double().numpy()
        figures = {"auc": auc(liveness, self._spoof), "d_eer": d_eer(liveness, self._spoof)}
        right = np.where(self._spoof == 1, 1.0 - liveness, liveness).clip(min=1e-12)
        pairs = int(self._spoof.sum() * (1 - self._spoof).sum())
        return Evaluation(figures, score=ranked(figures["auc"], float(-np.log(right).mean()), 2 * pairs))

    def export(self, folder: Path, device: torch.device) -> ModelFigures:
        """Write the model below `folder`; return the figures of the run."""
        from factory.train.parallel import whole

        _classifier(whole(self.network, self._new_network)).save(folder / "classifier")
        figures: ModelFigures = {"styles": self._styles, "rows": self._rows.counts()}
        if self._left_out is not None:
            figures["left_out_by_audit"] = self._left_out
        return figures


def _classifier(network: SpoofClassifier | WithDiscriminator) -> SpoofClassifier:
    """The classifier of a network, without what its loss trains beside it."""
    classifier: Any = getattr(network, "classifier", network)
    found: SpoofClassifier = classifier
    return found


class TrainingRows:
    """Chosen rows of several corpora; rows are numbered consecutively, one corpus after the other.

    Args:
        sources: (corpus, index positions) pairs, the real faces first. styles: class order.

    Attributes:
        numbers: numbers of the chosen rows. columns: class number (`label`; −1 for a style not in `styles`) and
            BRISQUE score (NaN for a row without one) of every row.
    """

    def __init__(self, sources: list[tuple[Corpus, np.ndarray]], styles: list[str]) -> None:
        self.corpora = [corpus for corpus, _ in sources]
        starts = np.cumsum([0, *map(len, self.corpora)])
        self.numbers = np.concatenate(
            [start + positions for start, (_, positions) in zip(starts, sources, strict=False)]
        )
        number = {style: i for i, style in enumerate(styles)}
        names = np.concatenate([corpus.column("style") for corpus in self.corpora])
        brisque = np.concatenate([corpus.column("brisque") for corpus in self.corpora])
        self._styles = names[self.numbers]
        self.columns = {
            "label": np.array([number.get(name, -1) for name in names]),
            "brisque": brisque.astype(np.float64),
        }
        live = np.concatenate([corpus.column("label") for corpus in self.corpora])[self.numbers] == LIVE
        real = self.numbers < len(self.corpora[0])
        self._counts = {"real_live": live & real, "real_spoof": ~live & real, "generated": ~real}

    def plan(self, sampling: SamplingConfig, seed: int) -> SamplePlan:
        """The row number of the n-th sample ever drawn."""
        brisque, generated = self.columns["brisque"][self.numbers], self._counts["generated"]
        return sampling_plan(Rows(self.numbers, self._styles, generated, brisque), sampling, seed)

    def counts(self) -> dict[str, int]:
        """Rows by kind, for the summary."""
        return {kind: int(rows.sum()) for kind, rows in self._counts.items()}
