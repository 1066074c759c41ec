"""Training on Ray Train: the interface of a recipe; start, resume and close a run, and commit its model.

A recipe defines the network, its data, its loss and its export; `loop` is the training loop of all recipes and runs
on every worker.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from difffas.errors import UserError
from factory import cluster
from factory.cards import write_model_card
from factory.cluster.capacity import Need
from factory.cluster.compiler import check_compiler
from factory.core.errors import Stalled
from factory.core.progress import say
from factory.run import CLAIM, Run
from factory.storage import Storage
from factory.train.ingest import Batch, BatchReader, cpus_per_task
from factory.train.settings import ConfigT as ConfigT
from factory.train.settings import TrainConfig as TrainConfig
from factory.train.settings import TrainResources as TrainResources
from factory.train.settings import WorkerSettings as WorkerSettings
from factory.train.snapshot import TRAINING, check_snapshot
from factory.train.summary import ModelFigures as ModelFigures
from factory.train.summary import TrainSummary as TrainSummary
from factory.train.summary import closing_line
from factory.train.summary import model_evaluation as model_evaluation
from factory.train.watch import check_trackers

if TYPE_CHECKING:
    import numpy as np
    import torch

MODEL = "model"
MODELS = ("model_index.json", "style_encoder/config.json", "classifier/config.json")  # every model folder has one
FIGURES = "figures.json"


def needs(resources: TrainResources) -> list[Need]:
    """The resources that a training needs at least."""
    return [
        Need(
            setting=f"resources.workers={resources.workers}",
            count=resources.workers,
            cpus=0.0 if resources.gpus_per_worker else 1.0,
            gpus=resources.gpus_per_worker,
            cpus_alone=1.0,
            labels=resources.worker_labels,
            wait_seconds=resources.wait_seconds,
        )
    ]


@dataclasses.dataclass
class Evaluation:
    """The results of a network on held-out subjects."""

    figures: dict[str, float]
    score: float | None = None  # higher is better; `patience` waits for a higher one
    images: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)  # uint8 H, W, 3


class Recipe(typing.Protocol):
    """The interface between a fit_* module and the loop. Every worker has one recipe and makes the same calls."""

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        """The modules in a checkpoint: `network`, which the optimiser trains, and copies such as an average.

        `evaluate` judges and `export` writes the weights of the last module.
        """

    def to(self, device: torch.device) -> None:
        """Move the modules, and everything else that the loss needs, to the worker's device."""

    def begin(self) -> None:
        """Initialise modules from the data; called before the first step of a run, but not when a run is resumed."""

    def resumed(self, updates: int) -> None:
        """Called after a checkpoint has restored the modules to their state after `updates` updates."""

    def reader(self, rank: int, world: int) -> BatchReader[Any]:
        """Reader of this worker's batches, step by step: a batch has `keys` and everything that `loss` needs."""

    def loss(self, network: torch.nn.Module, batch: Batch, counters: np.ndarray) -> torch.Tensor:
        """Scalar loss of a batch or a part of one; `counters` are the counters of its samples (`batches.share`)."""

    def updated(self) -> None:
        """Called after every optimiser step."""

    def evaluate(self) -> Evaluation:
        """Evaluate the model on held-out subjects."""

    def keep(self, step: int) -> Mapping[str, bytes]:
        """Files that the run keeps of the state after `step` steps, by name; 0 is before the first step.

        Worker 0 writes them, each once: a run that is resumed before `step` keeps the first.
        """

    def export(self, folder: Path) -> ModelFigures:
        """Write the model below `folder`; return the figures of the run. Model and figures of worker 0 are kept."""


def check_resources(train: TrainConfig, resources: TrainResources, *, checkpointing: bool = False) -> None:
    """Refuse settings that cannot run, before a folder is claimed.

    Raises:
        UserError: for a batch that does not divide among workers and parts, a tracker that is not installed, patience
            without evaluations, or activation checkpointing for a network that does not support it.
    """
    parts = resources.workers * resources.accumulate
    if train.batch_size % parts:
        raise UserError(
            f"train.batch_size {train.batch_size} does not divide among {resources.workers} workers × "
            f"{resources.accumulate} parts (resources.accumulate): choose a multiple of {parts}"
        )
    if train.patience is not None and train.evaluate_every is None:
        raise UserError("train.patience counts evaluations: set train.evaluate_every as well")
    if resources.activation_checkpointing and not checkpointing:
        raise UserError("resources.activation_checkpointing is for fit-generator: leave it out here")
    check_trackers(resources.trackers)
    if resources.compile and resources.gpus_per_worker and cluster.is_local():
        import torch

        if torch.cuda.is_available():  # without a GPU nothing is compiled; on a cluster the worker checks
            check_compiler()


def check_out(out: str) -> None:
    """Refuse a folder with a model that no run made: a file exists once, so that model would stay, and silently.

    Raises:
        UserError: naming the file of that model.
    """
    storage = Storage(out)
    for name in () if storage.exists(CLAIM) else MODELS:
        if storage.exists(name):
            raise UserError(f"out={out} holds a model already ({name}) and no {CLAIM}: write to another folder")


def fit(
    run: Run,
    worker: Callable[[WorkerSettings[ConfigT]], str | None],
    settings: WorkerSettings[ConfigT],
    callbacks: Sequence[Any] = (),
) -> TrainSummary:
    """Train on Ray Train until the last step, commit the model folder and close the run; return its summary.

    A second call resumes from the last checkpoint; for a finished run, it returns that run's summary.

    Args:
        run: the claimed output folder.
        worker: runs on every worker; builds the recipe from `settings` and returns the result of `train_loop`.
        settings: what the workers are told, without the facts of the run.
        callbacks: Ray Train callbacks that receive every report; a search follows its trials through them.

    Raises:
        UserError: if too many training steps were not finite, a worker found a user's mistake, or Ray Train did not
            write the checkpoints to resume from.
    """
    finished = run.summary(TrainSummary)
    if finished is not None:
        return finished
    check_snapshot(run.storage)
    cluster.connect()
    result = _train(run, worker, settings, callbacks)
    if result.return_value is not None:
        raise UserError(result.return_value)
    assert result.checkpoint is not None, "the last step reports one"
    with result.checkpoint.as_directory() as folder:
        commit_model(run.storage, Path(folder) / MODEL)
        figures = cast(TrainSummary, json.loads((Path(folder) / FIGURES).read_text(encoding="utf-8")))
    write_model_card(run.storage, settings.corpora, figures)
    finished = run.finish(figures)
    say(f"{settings.station}: {closing_line(finished, settings.train)}")
    return finished


def _train(
    run: Run,
    worker: Callable[[WorkerSettings[ConfigT]], str | None],
    settings: WorkerSettings[ConfigT],
    callbacks: Sequence[Any],
) -> Any:
    """Ray Train's result. A run with the same name in the same place resumes from its last recorded checkpoint."""
    import ray
    from ray.train import (
        CheckpointConfig,
        FailureConfig,
        LoggingConfig,
        RunConfig,
        ScalingConfig,
        TrainingFailedError,
    )
    from ray.train.torch import TorchTrainer

    from factory.train.checkpoints import ray_storage
    from factory.train.failures import EndAtMistakes, lost_workers, mistake_behind, returning_mistakes

    resources = settings.resources
    gpu = bool(resources.gpus_per_worker and cluster.gpus_in_cluster())
    if resources.gpus_per_worker and not gpu:
        say("train: no GPU in this cluster, training on CPUs (resources.gpus_per_worker=0 says so too)")
    each = {"GPU": resources.gpus_per_worker} if gpu else {"CPU": 1.0}
    cpus = ray.cluster_resources().get("CPU", 0.0)
    reading = cpus_per_task(cpus, resources.workers, each.get("CPU", 0.0), max(1, resources.read_ahead))
    told = dataclasses.replace(settings, out=run.storage.url, fingerprint=run.fingerprint, cpus_per_reader=reading)
    trainer = TorchTrainer(
        functools.partial(returning_mistakes, worker, told),
        scaling_config=ScalingConfig(
            num_workers=resources.workers,
            use_gpu=gpu,
            resources_per_worker=each,
            label_selector=resources.worker_labels or None,
        ),
        run_config=RunConfig(
            name=TRAINING,
            **ray_storage(run.storage.url),
            failure_config=FailureConfig(max_failures=resources.max_failures),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
            logging_config=LoggingConfig(log_level="WARNING"),
            callbacks=[EndAtMistakes(), *callbacks],
        ),
    )
    trainer._register_sigint_handler = lambda _: None  # `interrupts` handles Ctrl-C; the controller ends with us
    try:
        return trainer.fit()
    except TrainingFailedError as error:
        if (found := mistake_behind(error)) is not None:
            raise found from None
        if not (lost := lost_workers(error)):
            raise
        raise Stalled(
            f"workers were lost more than {resources.max_failures} times (resources.max_failures), at last "
            f"{', '.join(map(str, lost))} of {resources.workers}: run the command again to go on from its checkpoint"
        ) from None


def commit_model(storage: Storage, folder: Path) -> None:
    """Copy the exported folder to the output, the index file last: a folder with an index file is complete."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: (path.name == "model_index.json", path)):
        storage.create(path.relative_to(folder).as_posix(), path.read_bytes())
