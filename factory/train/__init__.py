"""Training on Ray Train: what a recipe is, how a run is started, resumed and closed, and its model brought home.

A recipe says what the network is, what it reads, what its loss is and what to export; `loop` trains it, once for all
recipes, on every worker.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import Field

from difffas.errors import UserError
from factory import cluster
from factory.cards import write_model_card
from factory.cluster.capacity import WAIT_SECONDS, Need
from factory.cluster.compiler import check_compiler
from factory.core.config import Config
from factory.core.errors import Stalled
from factory.core.progress import say
from factory.run import Run
from factory.storage import Storage
from factory.train.ingest import Batch, Reader, cpus_per_task
from factory.train.snapshot import TRAINING, check_snapshot
from factory.train.watch import check_trackers

if TYPE_CHECKING:
    import numpy as np
    import torch

MODEL = "model"
FIGURES = "figures.json"


class TrainConfig(Config):
    """How a network is fitted; part of the run fingerprint."""

    steps: int = Field(ge=1)
    batch_size: int = Field(ge=1, description="of one optimiser step, over all workers")
    optimizer: Literal["adamw", "adam", "sgd"] = Field(
        "adamw", description="adam and adamw differ by weight decay only"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(0.0, ge=0)
    warmup_steps: int = Field(0, ge=0)
    cosine_decay: bool = Field(False, description="let the learning rate fall to zero along a half cosine")
    clip_norm: float | None = Field(1.0, gt=0)
    precision: Literal["float32", "bfloat16"] = Field("float32", description="bfloat16 is autocast, weights stay wide")
    evaluate_every: int | None = Field(None, ge=1, description="steps between looks at held-out subjects")
    patience: int | None = Field(
        None, ge=1, description="stop after so many evaluations without a better one; the model is that of the best"
    )
    seed: int = Field(0, ge=0, lt=2**43)  # times a million and the step it must stay a seed of PyTorch's, below 2⁶⁴


class TrainResources(Config):
    """Where and how it runs; changes no more than rounding, so it is no part of the fingerprint.

    But what a network takes from its batch (BatchNorm) it takes from one worker's part, or from one of the
    `accumulate` parts of that. A loss always has the whole batch: RQ's qualities follow from the plan, and losses
    that compare features ask the other workers for theirs and are refused in parts.
    """

    workers: int = Field(1, ge=1)
    gpus_per_worker: float = Field(1.0, ge=0)
    threads: int = Field(2, ge=1, description="PyTorch threads of a CPU worker")
    worker_labels: dict[str, str] = Field({}, description="of the nodes that workers may run on; none: any")
    parallel: Literal["ddp", "fsdp2"] = Field("ddp", description="weights on every worker, or shared out among them")
    accumulate: int = Field(1, ge=1, description="parts in which a worker takes its batch, to fit into memory")
    activation_checkpointing: bool = Field(False, description="compute each level of the generator twice, keep less")
    compile: bool = Field(False, description="torch.compile, where the worker has a GPU")
    read_ahead: int = Field(4, ge=0, description="batches that CPU tasks keep ready; with 0 the worker reads itself")
    checkpoint_every: int = Field(500, ge=1)
    max_failures: int = Field(3, ge=0)
    wait_seconds: float = Field(WAIT_SECONDS, gt=0, description="for an autoscaler to bring nodes for all workers")
    trackers: tuple[str, ...] = Field((), description="mlflow, wandb, beside TensorBoard")


def needs(resources: TrainResources) -> list[Need]:
    """What a training must find room for."""
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
    """How a network does on held-out subjects."""

    figures: dict[str, float]
    score: float | None = None  # the higher the better; what `patience` waits for
    images: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)  # uint8 H, W, 3


class Recipe(Protocol):
    """What a fit_* module gives the loop. Every worker has one and makes the same calls."""

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        """What checkpoints hold: `network`, which the optimiser trains, and copies of its form, such as an average.

        The last one's weights are those that `evaluate` judges and `export` writes.
        """

    def to(self, device: torch.device) -> None:
        """Move the modules, and what else the loss needs, to the worker's device."""

    def begin(self) -> None:
        """Called before the first step of a run, not when one is resumed: what the modules get from the data."""

    def resumed(self, updates: int) -> None:
        """Called once the modules hold what they held after so many updates."""

    def reader(self, rank: int, world: int) -> Reader:
        """What this worker reads, step by step: a batch has `keys` and whatever `loss` needs."""

    def loss(self, network: torch.nn.Module, batch: Batch, counters: np.ndarray) -> torch.Tensor:
        """Scalar loss of a batch or a part of one. `counters` are its samples' (`batches.share`)."""

    def updated(self) -> None:
        """Called after every optimiser step."""

    def evaluate(self) -> Evaluation:
        """A look at held-out subjects."""

    def export(self, folder: Path) -> dict[str, Any]:
        """Write the model below `folder`; returns the figures of the run. Worker 0's is kept."""


def check_resources(train: TrainConfig, resources: TrainResources, *, checkpointing: bool = False) -> None:
    """Refuse what cannot run, before a folder is claimed.

    Raises:
        ValueError: on a batch that does not divide among workers and parts, a tracker that is not installed, patience
            without evaluations, or activation checkpointing where the network has none.
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
        raise UserError("resources.activation_checkpointing is the generator's: leave it out here")
    check_trackers(resources.trackers)
    if resources.compile and resources.gpus_per_worker and cluster.is_local():
        import torch

        if torch.cuda.is_available():  # else nothing is compiled; on a cluster the worker looks
            check_compiler()


def fit(
    run: Run,
    worker: Callable[[dict[str, Any]], str | None],
    settings: dict[str, Any],
    resources: TrainResources,
    callbacks: Sequence[Any] = (),
) -> dict[str, Any]:
    """Train on Ray Train until the last step, publish the model folder, close the run; returns its summary.

    Running it again goes on from the last checkpoint; a finished run is returned as it is.

    Args:
        run: the claimed output folder.
        worker: runs on every worker; builds the recipe from `settings` and returns what `train_loop` does.
        settings: JSON values only.
        resources: workers and devices.
        callbacks: Ray Train's, told of every report; how a search follows its trials.

    Raises:
        ValueError: if training came upon too many steps that were not finite, a worker upon a user's mistake, or if
            the checkpoints to go on from are not Ray Train's.
    """
    finished = run.summary()
    if finished is not None:
        return finished
    check_snapshot(run.storage)
    cluster.connect()
    result = _train(run, worker, settings, resources, callbacks)
    if result.return_value is not None:
        raise UserError(result.return_value)
    assert result.checkpoint is not None, "the last step reports one"
    with result.checkpoint.as_directory() as folder:
        publish_model(run.storage, Path(folder) / MODEL)
        figures = json.loads((Path(folder) / FIGURES).read_text(encoding="utf-8"))
    write_model_card(run.storage, settings, figures)
    return run.finish(figures)


def _train(
    run: Run,
    worker: Callable[[dict[str, Any]], Any],
    settings: dict[str, Any],
    resources: TrainResources,
    callbacks: Sequence[Any],
) -> Any:
    """Ray Train's result. A run of the same name in the same place goes on from the checkpoint it recorded last."""
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

    gpu = bool(resources.gpus_per_worker and cluster.gpus_in_cluster())
    if resources.gpus_per_worker and not gpu:
        say("train: no GPU in this cluster, training on CPUs (resources.gpus_per_worker=0 says so too)")
    each = {"GPU": resources.gpus_per_worker} if gpu else {"CPU": 1.0}
    cpus = ray.cluster_resources().get("CPU", 0.0)
    reading = cpus_per_task(cpus, resources.workers, each.get("CPU", 0.0), max(1, resources.read_ahead))
    place = {"out": run.storage.url, "fingerprint": run.fingerprint, "cpus_per_reader": reading}
    trainer = TorchTrainer(
        functools.partial(returning_mistakes, worker),
        train_loop_config={**settings, **place, "resources": resources.model_dump(mode="json")},
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
    trainer._register_sigint_handler = lambda _: None  # Ctrl-C is for `interrupts`; the controller ends with us
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


def model_evaluation(summary: dict[str, Any]) -> dict[str, float]:
    """The evaluation of the weights that a run published: with patience the best one, else the last."""
    judged = [found for found in summary["evaluations"] if found["step"] == summary["model_step"]]
    return dict(judged[0] if judged else summary["evaluations"][-1])


def publish_model(storage: Storage, folder: Path) -> None:
    """Copy the exported folder to the output, the index file last: a folder that has it is whole."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: (path.name == "model_index.json", path)):
        storage.create(path.relative_to(folder).as_posix(), path.read_bytes())
