"""Fit a student: from a corpus that a generator made, it learns to make the same spoofs in one call of the network."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, model_validator

from difffas.errors import UserError
from factory.core.config import Config, PathOrUrl
from factory.core.progress import say
from factory.corpus import Corpus
from factory.models.load import (
    MODEL_INDEX,
    STUDENT,
    load_style_encoder,
    load_unet,
    model_digest,
    part_names,
    parts_digest,
    unet_config,
)
from factory.models.settings import GeneratorFolder
from factory.models.tensors import to_tensor
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
from factory.train.batches import Portion, Shuffled, share
from factory.train.ingest import Batch, BatchReader, Places, image_reader
from factory.train.recipes.student_evaluation import ComparedSpoofs
from factory.train.recipes.teacher_rows import ROLES, TeacherRows, check_made_of, sampler_of, statistics_for

if TYPE_CHECKING:
    import torch

    from difffas.student import SpoofStudent

STATION = "fit-student"


class DistillationConfig(Config):
    """Weights of the terms of `difffas.distillation`; benchmarks/student.md compares them in short trainings."""

    pixels: float = Field(1.0, ge=0, description="weight of Huber's loss of pixels")
    features: float = Field(0.1, ge=0, description="weight of the distance of the style encoder's maps")
    bands: float = Field(
        1.0, ge=0, description="weight of the difference of band-pass levels, which keeps fine patterns sharp"
    )
    second_call: float = Field(
        0.25, ge=0, lt=1, description="share of samples that train the second call; 0: no preset student-2"
    )

    @model_validator(mode="after")
    def _check(self) -> DistillationConfig:
        if not self.pixels + self.features + self.bands:
            raise UserError("distillation.pixels, features and bands are all 0: give one of them a weight")
        return self


class StudentEvaluationConfig(Config):
    """How held-out spoofs are compared with the teacher's."""

    samples: int = Field(64, ge=1, description="held-out spoofs to compare")
    grid_rows: int = Field(4, ge=1, description="faces in the picture of samples")


class FitStudentConfig(Config):
    """One student of one teacher."""

    teacher: GeneratorFolder = Field(description="model folder, or portrait-64 or people-64, which ship")
    generated: PathOrUrl = Field(description="corpus of this teacher's spoofs, made with preset exact")
    live: PathOrUrl = Field(description="corpus of their live faces")
    guides: PathOrUrl = Field(description="corpus of their guides")
    out: PathOrUrl = Field(description="model folder to write, local or s3://")
    split: str = Field("train", description="split of the generated corpus to learn from")
    held_out_generated: PathOrUrl | None = Field(None, description="corpus of the held-out spoofs; None: `generated`")
    held_out: str = Field("dev", description="split that train.evaluate_every evaluates")
    train: TrainConfig = TrainConfig(
        steps=50_000, batch_size=32, learning_rate=2e-4, warmup_steps=500, cosine_decay=True
    )
    distillation: DistillationConfig = DistillationConfig()
    ema_decay: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights, which the folder keeps")
    evaluation: StudentEvaluationConfig = StudentEvaluationConfig()
    resources: TrainResources = TrainResources()


def run(config: FitStudentConfig) -> TrainSummary:
    """Fit and commit a model folder: the teacher's parts, byte for byte, and the student; return the run's summary."""
    check_resources(config.train, config.resources)
    check_out(config.out)
    teacher = Storage(config.teacher)
    digest = model_digest(teacher)
    rows = _rows(config, digest)
    check_made_of(*rows.corpora)
    sampler = sampler_of(rows.corpora[0])
    statistics_for(teacher, rows, sampler)
    places = {name: corpus.storage.url for name, corpus in _named(rows).items()}
    facts: dict[str, str | None] = {name: corpus.digest for name, corpus in _named(rows).items()}
    facts |= {"teacher": digest, "held_out_generated": None}
    if config.train.evaluate_every is not None:
        held_out = _held_out(config, digest)
        check_made_of(*held_out.corpora)
        _check_taught(rows, held_out)
        _check_apart(rows, held_out)
        statistics_for(teacher, held_out, sampler)
        facts["held_out_generated"] = held_out.corpora[0].digest
        places["held_out_generated"] = held_out.corpora[0].storage.url
    claimed = read_claim(rows.corpora[0].storage)["identity"].get("protocol")
    given = {"job": STATION, **config.model_dump(mode="json", exclude={"out", "resources"})}
    claim = Run(config.out, STATION, {**given, **facts, "protocol": claimed}, config, needs=needs(config.resources))
    settings = WorkerSettings(
        STATION,
        config.model_copy(update={**places, "teacher": teacher.url}),
        config.train,
        config.resources,
        corpora={name: places[name] for name in _named(rows)},
    )
    return fit(claim, worker, settings)


def _named(rows: TeacherRows) -> dict[str, Corpus]:
    return dict(zip(("generated", "live", "guides"), rows.corpora, strict=True))


def _rows(config: FitStudentConfig, teacher: str) -> TeacherRows:
    generated, live, guides = map(Corpus, (config.generated, config.live, config.guides))
    return TeacherRows(generated, live, guides, config.split, teacher)


def _held_out(config: FitStudentConfig, teacher: str) -> TeacherRows:
    generated, live, guides = map(Corpus, (config.held_out_generated or config.generated, config.live, config.guides))
    try:
        return TeacherRows(generated, live, guides, config.held_out, teacher)
    except UserError as error:
        raise UserError(f"{error}; or set held_out, or leave out train.evaluate_every and train.patience") from None


def _check_taught(rows: TeacherRows, held_out: TeacherRows) -> None:
    """Refuse held-out rows that the student of these rows could not make: another match, range or style."""
    taught, asked = sampler_of(rows.corpora[0]), sampler_of(held_out.corpora[0])
    url = held_out.corpora[0].storage.url
    if asked.match != taught.match:
        raise UserError(f"held-out {url} was made with sampler.match {asked.match}, the others with {taught.match}")
    if strange := sorted(set(held_out.styles) - set(rows.styles)):
        raise UserError(
            f"held-out {url} has rows of style {strange[0]}, which the others lack: make it with plan.styles="
            f"'[{', '.join(rows.styles)}]'"
        )
    known = rows.ranges(taught)
    for name, (low, high) in held_out.ranges(asked).items():
        least, most = known[name]
        if low < least or high > most:
            raise UserError(
                f"held-out {url} was made with sampler.{name} {low:g} to {high:g}, the others with {least:g} to "
                f"{most:g}: make it with the same sampler"
            )


def _check_apart(rows: TeacherRows, held_out: TeacherRows) -> None:
    """Warn of people who are in both."""
    shared = rows.people() & held_out.people()
    if shared:
        say(
            f"{STATION}: warning: {len(shared):,} held-out people, such as {' '.join(min(shared))}, are in the "
            "training rows as well: figures of held-out rows are not of held-out people alone"
        )


def worker(settings: WorkerSettings[FitStudentConfig]) -> str | None:
    """The function that every Ray Train worker runs."""
    from factory.train.loop import train_loop

    return train_loop(StudentRecipe(settings), settings)


class StudentRecipe:
    """The distillation loss; keeps and exports an average of the parameters."""

    def __init__(self, settings: WorkerSettings[FitStudentConfig]) -> None:
        import torch

        from difffas.ema import EMA

        config = self._config = settings.config
        self._batch_size, self._seed = settings.train.batch_size, settings.train.seed
        self._teacher = Storage(config.teacher)
        self._digest, self._parts = model_digest(self._teacher), parts_digest(self._teacher)
        self._calls = 2 if config.distillation.second_call else 1
        self._rows = _rows(config, self._digest)
        self._sampler = sampler_of(self._rows.corpora[0])
        self._statistics = statistics_for(self._teacher, self._rows, self._sampler)
        self._plan = Shuffled(np.arange(len(self._rows)), self._seed)
        self._second = Portion(config.distillation.second_call)
        self._encoder = load_style_encoder(config.teacher)
        torch.manual_seed(self._seed)
        self.network = self._new()
        load_unet(self.network.unet, config.teacher)
        self._average = EMA(self.network, config.ema_decay)
        self._device = torch.device("cpu")

    def _new(self) -> SpoofStudent:
        from difffas.student import SpoofStudent

        made: SpoofStudent = SpoofStudent(
            network={**unet_config(self._teacher), "dropout": 0.0},  # regression: noise inside would blur
            teacher=self._digest,
            styles=self._rows.styles,
            match=self._sampler.match,
            **self._rows.ranges(self._sampler),
            **self._rows.ranges_by_style(self._sampler),
            calls=self._calls,
            parts=self._parts,
        )
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
        """Nothing to do: the teacher's weights were loaded."""

    def resumed(self, updates: int) -> None:
        """Called after a checkpoint has restored the modules to their state after `updates` updates."""
        self._average.updates = updates

    def reader(self, rank: int, world: int) -> BatchReader[Places]:
        """Batches of `spoof`, `live`, `guide`, `row` and `keys`; not mirrored, for a teacher's noise is not either."""
        rows, plan = self._rows, self._plan  # sent to the reader's process
        numbers = np.full(len(rows.corpora[0]), -1)
        numbers[rows.positions] = np.arange(len(rows))
        samples = lambda counters: rows.numbers(plan(counters))  # noqa: E731
        return image_reader(
            rows.corpora, samples, {"row": numbers}, self._batch_size, self._seed, rank, world, mirror=False
        )

    def loss(self, network: torch.nn.Module, batch: Batch, counters: np.ndarray) -> torch.Tensor:
        """The distillation loss; a share of the samples trains the second call, on the first one's output."""
        import torch

        from difffas.distillation import Weights, distillation_loss
        from difffas.student import refined_timesteps, renoised

        rows = np.asarray(batch["row"])
        spoof, live, guide = (to_tensor(batch[role], "cpu") for role in ROLES)
        given = self._rows.given(rows, live, guide, self._sampler, self._statistics).to(self._device)
        x, timestep = given.x, given.timestep
        second, weights = self._second.holds(counters), self._config.distillation
        with torch.no_grad():
            features, _ = self._encoder(guide.to(self._device))
            if self._refines(counters):  # the whole batch, in one shape, as DDP and compiled networks need it
                first = network(x, given.live, timestep, given.cfg_scale, features)
                lower, chosen = refined_timesteps(timestep), torch.from_numpy(second).to(self._device)
                x = torch.where(chosen.reshape(-1, 1, 1, 1), renoised(x, first, timestep, lower), x)
                timestep = torch.where(chosen, lower, timestep)
        made = network(x, given.live, timestep, given.cfg_scale, features)
        terms = Weights(weights.pixels, weights.features, weights.bands)
        return distillation_loss(made, spoof.to(self._device), self._encoder, terms).total

    def _refines(self, counters: np.ndarray) -> bool:
        """Whether the step of these samples has any for the second call.

        All workers and parts of a step answer alike, for every forward of DDP and FSDP2 exchanges tensors.
        """
        step = int(counters[0]) // self._batch_size
        return bool(self._second.holds(share(step, self._batch_size, 0, 1)).any())

    def updated(self) -> None:
        """Called after every optimiser step."""
        self._average.update(self.network)

    def evaluate(self) -> Evaluation:
        """Compare the averaged student's spoofs of held-out rows with the teacher's."""
        from factory.train.parallel import whole

        student = whole(self._average.model, self._new)
        return self._compared(student, self._encoder, self._device)

    @functools.cached_property
    def _compared(self) -> ComparedSpoofs:
        config = self._config.evaluation
        rows = _held_out(self._config, self._digest)
        statistics = statistics_for(self._teacher, rows, self._sampler)
        return ComparedSpoofs(
            rows,
            self._sampler,
            statistics,
            self._calls,
            config.samples,
            config.grid_rows,
            self._batch_size,
            self._seed,
        )

    def keep(self, step: int) -> dict[str, bytes]:
        """Nothing is kept beside the model."""
        return {}

    def export(self, folder: Path) -> ModelFigures:
        """Write the teacher's parts and the student below `folder`; return the figures of the run."""
        from difffas.model_folder import CODE, code, index_with_student
        from factory.train.parallel import whole

        student = whole(self._average.model, self._new)
        copy = Storage(str(folder))
        for name in part_names(self._teacher):
            if not name.startswith(f"{STUDENT}/"):
                copy.create(name, self._teacher.read(name))
        student.save_pretrained(folder / STUDENT)
        copy.create(CODE, code())
        copy.create(MODEL_INDEX, index_with_student(self._teacher))
        return {"parameters": sum(parameter.numel() for parameter in student.parameters())}
