"""Fit the generator: ε-loss on [noisy spoof ⊕ live] under a guide of the same style (method: `difffas.objective`)."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from difffas.errors import UserError
from factory.core.config import Config, PathOrUrl, build, is_none, is_on
from factory.core.documents import JsonObject
from factory.core.progress import say
from factory.corpus import Corpus
from factory.corpus.row import SPOOF
from factory.corpus.style_statistics import statistics_by_style
from factory.models.load import check_encoder, encoder_config, load_style_encoder, load_unet, model_digest, unet_config
from factory.models.settings import GeneratorFolder
from factory.models.style_judge import judge_digest
from factory.models.tensors import to_tensor
from factory.protocols import check, check_held_out, check_judge, check_model, open_corpus, protocol_of, record
from factory.run import Run, read_claim
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
from factory.train.batches import PixelCache
from factory.train.ingest import Batch, BatchReader, Places, image_reader
from factory.train.recipes.generator_network import GeneratorNetworkConfig
from factory.train.recipes.pairs import PairsConfig, Samples, are_papers
from factory.train.recipes.validate import EvaluationConfig, Validation, check_known
from factory.train.triples import MixedPairs

if TYPE_CHECKING:
    import torch

    from difffas.objective import TrainingNoise
    from difffas.unet import SpoofUNet

STATION = "fit-generator"


def is_papers(weighting: str) -> bool:
    """Whether errors are weighted as in the paper; such configurations keep their fingerprint."""
    return weighting == "noise"


class FitGeneratorConfig(Config):
    """One generator."""

    corpus: PathOrUrl = Field(description="corpus of live faces and spoofs of the same people")
    protocol: PathOrUrl | None = Field(None, description="name or file; None: the corpus's own splits")
    style_encoder: GeneratorFolder | None = Field(
        None, description="folder that fit-style wrote; None: that of `initial`"
    )
    initial: GeneratorFolder | None = Field(None, description="model folder to start from: network and style encoder")
    out: PathOrUrl = Field(description="model folder to write, local or s3://")
    split: str = Field("train", description="split to learn from")
    held_out: str = Field("dev", description="split that train.evaluate_every evaluates")
    network: GeneratorNetworkConfig = GeneratorNetworkConfig()
    train: TrainConfig = TrainConfig(steps=200_000, batch_size=32, learning_rate=1e-4, warmup_steps=5000)
    pairs: PairsConfig = Field(PairsConfig(), exclude_if=are_papers)
    weighting: Literal["noise", "velocity"] = Field(
        "noise",
        exclude_if=is_papers,
        description="weight of errors on ε: noise, the paper's, is 1 at every t; velocity is 1/ᾱ_t, for styles that "
        "are shapes",
    )
    style_dropout: float = Field(
        0.2, ge=0, le=1, description="share of samples that learn without their style, for guidance"
    )
    live_dropout: bool = Field(False, description="drop the live face with the style, as the release does")
    ema_decay: float = Field(0.9999, ge=0, lt=1, description="decay of the averaged weights, which the folder keeps")
    ema_copy_steps: int | None = Field(
        None,
        ge=0,
        exclude_if=is_none,
        description="first steps, in which the average copies the network; None: a fifth, or 0 with `initial`",
    )
    mirror: bool = Field(True, exclude_if=is_on, description="mirror half of the samples, their three images alike")
    evaluation: EvaluationConfig = EvaluationConfig()
    resources: TrainResources = TrainResources()

    @model_validator(mode="after")
    def _check(self) -> FitGeneratorConfig:
        if self.style_encoder is None and self.initial is None:
            raise UserError(
                "give style_encoder to start anew, initial to go on from a model, or both to go on with other styles"
            )
        if self.initial is not None and "network" in self.model_fields_set:
            raise UserError("network is that of the initial model: leave it out")
        return self


def run(config: FitGeneratorConfig) -> TrainSummary:
    """Fit and commit a model folder that `SpoofPipeline.from_pretrained` loads; return the run's summary."""
    corpus = open_corpus(config.corpus, config.protocol)
    splits = (config.split, *([config.held_out] if _looks(config) else []))
    check(corpus, splits)
    if _looks(config):
        check_held_out(corpus, config.split, config.held_out)
    paired = {split: _pairs(config, corpus, split) for split in splits}
    for split, pairs in paired.items():
        _say_unpaired(corpus, split, pairs)
    if config.evaluation.judge is not None:
        check_judge(config.evaluation.judge, "evaluation.judge", [corpus], [config.held_out])
        check_known(config.evaluation.judge, set(corpus.column("style")[pairs.spoofs]))
    check_resources(config.train, config.resources, checkpointing=True)
    check_out(config.out)
    started, known = starting_point(config)
    check_network(started)
    for folder in (started.initial, started.style_encoder):
        if folder is not None:
            check_model(Storage(folder), protocol_of(corpus), "the model in")
    given = {"job": STATION, **config.model_dump(mode="json", exclude={"out", "resources"})}
    identity = {**given, "corpus": corpus.digest, "protocol": record(protocol_of(corpus)), **known}
    claim = Run(config.out, STATION, identity, config, needs=needs(config.resources))
    for split, pairs in paired.items():
        _say_shared(split, pairs)
    return fit(claim, worker, worker_settings(started, corpus))


def worker_settings(config: FitGeneratorConfig, corpus: Corpus) -> WorkerSettings[FitGeneratorConfig]:
    """What the workers are told; `config` knows its starting point."""
    url = corpus.storage.url
    return WorkerSettings(
        STATION,
        config.model_copy(update={"corpus": url}),
        config.train,
        config.resources,
        protocol_of(corpus),
        corpora={"corpus": url},
    )


def starting_point(config: FitGeneratorConfig) -> tuple[FitGeneratorConfig, JsonObject]:
    """The configuration with the folders and the network to start from, and the facts that enter the fingerprint.

    With `initial`, the network's settings are the initial model's; so is the style encoder, unless one is given.
    """
    places: dict[str, Any] = {}
    facts: JsonObject = {}
    if config.initial is not None:
        model = Storage(config.initial)
        facts["initial"] = model_digest(model)
        network = unet_config(model)
        facts["network"] = kept = {name: network[name] for name in GeneratorNetworkConfig.model_fields}
        places |= {"initial": model.url, "network": build(GeneratorNetworkConfig, kept)}
    if config.style_encoder is not None:
        encoder = Storage(config.style_encoder)
        if not encoder.exists("style_encoder/config.json"):
            raise UserError(f"{encoder.url} holds no style encoder: run `difffas fit-style` to its end first")
        check_encoder(encoder)
        facts["style_encoder"] = read_claim(encoder)["fingerprint"]
        places["style_encoder"] = encoder.url
    if config.evaluation.judge is not None:
        judge = Storage(config.evaluation.judge)
        facts["evaluation"] = {**config.evaluation.model_dump(mode="json"), "judge": judge_digest(judge)}
        places["evaluation"] = config.evaluation.model_copy(update={"judge": judge.url})
    return config.model_copy(update=places), facts


def _encoder(config: FitGeneratorConfig) -> str:
    """The folder with the style encoder."""
    folder = config.style_encoder or config.initial
    assert folder is not None, "the configuration asks for one of them"
    return folder


def _looks(config: FitGeneratorConfig) -> bool:
    """Whether held-out people are looked at."""
    return config.train.evaluate_every is not None or config.evaluation.judge is not None


def check_network(config: FitGeneratorConfig) -> None:
    """Refuse a network that does not fit its style encoder or cannot be sampled as the evaluation requires.

    Raises:
        UserError: naming the widths that differ, or more steps of the sample grid than timesteps.
    """
    network, encoder = config.network, Storage(_encoder(config))
    given = list(encoder_config(encoder)["channels"][1:])
    wanted = [network.base_channels * multiplier for multiplier in network.channel_multipliers[3:]]
    if given != wanted:
        mend = "or fit one with initial=" + config.initial if config.initial else "or change the network"
        raise UserError(
            f"the style encoder in {encoder.url} is {given} channels wide at strides 8, 16 and 32, the network "
            f"{wanted} (base_channels × channel_multipliers): fit one with network.channels=[…, "
            f"{', '.join(map(str, wanted))}], {mend}"
        )
    steps, timesteps = config.evaluation.grid_steps, network.timesteps
    if _looks(config) and steps > timesteps:
        raise UserError(f"evaluation.grid_steps {steps} is above network.timesteps {timesteps}: lower it")


def _pairs(config: FitGeneratorConfig, corpus: Corpus, split: str) -> MixedPairs:
    try:
        return MixedPairs(corpus, split, config.train.seed, config.pairs.self_pairs)
    except UserError as error:
        if split == config.split:
            raise
        looks = "train.evaluate_every, train.patience and evaluation.judge"
        raise UserError(f"{error}; or set held_out to a split that has pairs, or leave out {looks}") from None


def _say_unpaired(corpus: Corpus, split: str, pairs: MixedPairs) -> None:
    """Name the faces that are in no pair; a corpus without any pair was refused before workers started."""
    spoofs = corpus.where(split=split, label=SPOOF)
    styles = corpus.column("style")
    unseen = sorted(set(styles[spoofs]) - set(styles[pairs.spoofs]))
    if len(spoofs) > len(pairs.spoofs):
        names = f"; none of {', '.join(unseen)} has" if unseen else ""
        say(
            f"{STATION}: {len(spoofs) - len(pairs.spoofs):,} of {len(spoofs):,} spoofs of split {split!r} have no "
            f"live face of their domain and subject and can only guide{names}"
        )


def _say_shared(split: str, pairs: MixedPairs) -> None:
    """Tell how many spoofs have a live face of their scene, which is the capture or else the sitting."""
    if pairs.shared is None:
        return
    capture, sitting, subject = pairs.shared.values()
    scene = capture + sitting
    say(
        f"{STATION}: {scene:,} of {scene + subject:,} pairs of split {split!r} share the scene ({capture:,} the "
        f"capture, {sitting:,} the sitting), {subject:,} only the domain and subject"
    )


def worker(settings: WorkerSettings[FitGeneratorConfig]) -> str | None:
    """The function that every Ray Train worker runs."""
    from factory.train.loop import train_loop

    return train_loop(GeneratorRecipe(settings), settings)


class GeneratorRecipe:
    """The ε-loss with style dropout; keeps and exports an average of parameters and buffers."""

    def __init__(self, settings: WorkerSettings[FitGeneratorConfig]) -> None:
        import torch

        from difffas.ema import EMA

        config = self._config = settings.config
        self._batch_size, self._seed = settings.train.batch_size, settings.train.seed
        self._corpus = open_corpus(config.corpus, settings.protocol)
        self._pairs = MixedPairs(self._corpus, config.split, self._seed, config.pairs.self_pairs)
        self._samples = Samples(
            config.pairs, self._pairs, self._corpus, config.split, config.network.timesteps, self._seed
        )
        self._encoder = load_style_encoder(_encoder(config))
        torch.manual_seed(self._seed)
        self.network = self._new()
        if config.initial:
            load_unet(self.network, config.initial)
        # The average is meaningless while the network changes fast.
        copied = config.ema_copy_steps
        if copied is None:
            copied = 0 if config.initial else settings.train.steps // 5
        self._average = EMA(self.network, config.ema_decay, warm_start=copied)
        self._device = torch.device("cpu")

    def _new(self) -> SpoofUNet:
        from difffas.unet import SpoofUNet

        made: SpoofUNet = SpoofUNet(**self._config.network.model_dump(mode="json"))
        return made

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        """The modules in a checkpoint."""
        return {"network": self.network, "average": self._average.model}

    def to(self, device: torch.device) -> None:
        """Move everything to the worker's device."""
        self._device = device
        for module in (self._encoder, *self.modules.values()):
            module.to(device)

    def begin(self) -> None:
        """Compute the guides' statistics; a checkpoint already has them in the modules' buffers."""
        from difffas.style_encoder import feature_statistics

        if self._config.style_encoder is None:
            return  # the initial weights came with the statistics of their own encoder
        shown, read = self._pairs.guides, PixelCache(self._corpus, gibibytes=0.0)
        chunks = np.array_split(shown, max(1, len(shown) // 64))
        statistics = feature_statistics(self._encoder, (to_tensor(read(chunk), self._device) for chunk in chunks))
        self.network.set_condition_statistics(*statistics)
        self._average.model.set_condition_statistics(*statistics)

    def resumed(self, updates: int) -> None:
        """Called after a checkpoint has restored the modules to their state after `updates` updates."""
        self._average.updates = updates

    def reader(self, rank: int, world: int) -> BatchReader[Places]:
        """Batches of `live`, `spoof`, `guide` and `keys`."""
        pairs, batch_size, mirror = self._pairs, self._batch_size, self._config.mirror  # sent to the reader's process
        samples = lambda counters: pairs(counters)._asdict()  # noqa: E731
        return image_reader([self._corpus], samples, {}, batch_size, self._seed, rank, world, mirror=mirror)

    def loss(self, network: torch.nn.Module, batch: Batch, counters: np.ndarray) -> torch.Tensor:
        """The objective at the timesteps and noise of these counters."""
        from difffas.objective import training_loss

        names = ("live", "spoof", "guide")
        place = self._device if are_papers(self._config.pairs) else "cpu"  # our samples are made before the upload
        live, spoof, guide = (to_tensor(batch[name], place) for name in names)
        draw = draw_by_counter(counters, tuple(spoof.shape[1:]), self._config, self._seed)
        if not are_papers(self._config.pairs):
            live = self._samples.conditions(live, spoof, counters)
            draw = self._samples.noise(draw, live, spoof, guide, counters)
            live, spoof, guide = (images.to(self._device) for images in (live, spoof, guide))
        return training_loss(network, self._encoder, spoof, live, guide, draw, self._config.weighting).total

    def updated(self) -> None:
        """Called after every optimiser step."""
        self._average.update(self.network)

    def evaluate(self) -> Evaluation:
        """The averaged network's loss by timestep on held-out subjects, and its samples of them."""
        from difffas.pipeline import SpoofPipeline
        from factory.train.parallel import whole

        average, wanted = whole(self._average.model, self._new), self._config.evaluation
        losses = self._validation.losses(average, self._encoder, self._device)
        grid = self._validation.grid(
            SpoofPipeline(unet=average, style_encoder=self._encoder),
            wanted.grid_rows,
            wanted.cfg_scale,
            wanted.grid_steps,
        )
        return Evaluation(losses, score=-losses["all"], images={"samples": grid})

    @functools.cached_property
    def _validation(self) -> Validation:
        config = self._config
        samples, timesteps = config.evaluation.samples, config.network.timesteps
        return Validation(self._corpus, config.held_out, samples, self._seed, timesteps, pairs=config.pairs)

    def keep(self, step: int) -> dict[str, bytes]:
        """Nothing is kept beside the model."""
        return {}

    def export(self, folder: Path) -> ModelFigures:
        """Write the model below `folder`; return the figures of the run."""
        from difffas.pipeline import SpoofPipeline
        from difffas.style_statistics import write_statistics
        from factory.models.style_judge import ClassifierOfStyle
        from factory.train.parallel import rank, whole

        average = whole(self._average.model, self._new)
        pipeline = SpoofPipeline(unet=average, style_encoder=self._encoder)
        pipeline.save_pretrained(folder)
        write_statistics(folder, statistics_by_style(self._corpus, [self._config.split]))
        figures: ModelFigures = {"parameters": sum(parameter.numel() for parameter in average.parameters())}
        if self._pairs.shared is not None:
            figures["pairs"] = self._pairs.shared
        wanted = self._config.evaluation
        if wanted.judge is not None and rank() == 0:  # whose figures are kept
            judge = ClassifierOfStyle(wanted.judge, wanted.samples)
            figures["judged"] = self._validation.judged(pipeline, judge, wanted.cfg_scale, wanted.grid_steps)
        return figures


def draw_by_counter(
    counters: np.ndarray, shape: tuple[int, ...], config: FitGeneratorConfig, seed: int
) -> TrainingNoise:
    """t, ε and style mask of samples by their counters: the same for any number of workers and after a restart."""
    import torch

    from difffas.objective import TrainingNoise, draw_training_noise
    from factory.core import draws

    seeds = draws.bits(counters, seed, "noise") >> np.uint64(1)
    chances = config.style_dropout, config.network.timesteps, config.live_dropout
    drawn = [draw_training_noise((1, *shape), torch.Generator().manual_seed(int(value)), *chances) for value in seeds]
    return TrainingNoise(*(torch.cat(parts) for parts in zip(*drawn, strict=True)))
