"""The training core on Ray Train: a recipe's steps with checkpoints, and its model brought home.

A recipe says what the network is, what a step's loss is and what to export; the loop, the optimiser, the workers and
the resuming are here, once for all recipes.
"""

from __future__ import annotations

import dataclasses
import json
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import Field

from factory import cluster
from factory.batches import share
from factory.config import Config
from factory.progress import duration, say
from factory.run import Run
from factory.storage import Storage

if TYPE_CHECKING:
    import numpy as np
    import torch

TRAINING_STATE = "state.pt"
MODEL = "model"
FIGURES = "figures.json"
CURVE_POINTS = 200


class TrainConfig(Config):
    """How a network is fitted; part of the run fingerprint."""

    steps: int = Field(ge=1)
    batch_size: int = Field(ge=1, description="over all workers")
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(0.0, ge=0)
    warmup_steps: int = Field(0, ge=0)
    cosine_decay: bool = Field(False, description="let the learning rate fall to zero along a half cosine")
    clip_norm: float | None = Field(1.0, gt=0)
    seed: int = Field(0, ge=0)


class TrainResources(Config):
    """Where it runs; no part of the fingerprint."""

    workers: int = Field(1, ge=1)
    gpus_per_worker: float = Field(1.0, ge=0)
    threads: int = Field(2, ge=1, description="PyTorch threads of a CPU worker")
    checkpoint_every: int = Field(500, ge=1)
    max_failures: int = Field(3, ge=0)


class Recipe(Protocol):
    """What a fit_* module gives the loop. All tensors of a batch are made on `device`."""

    @property
    def network(self) -> torch.nn.Module:
        """What the optimiser trains."""

    def to(self, device: torch.device) -> None:
        """Move what the loss needs besides the network to the worker's device."""

    def loss(self, network: torch.nn.Module, counters: np.ndarray, step: int) -> torch.Tensor:
        """Scalar loss of the samples with these counters."""

    def updated(self) -> None:
        """Called after every optimiser step."""

    def state(self) -> dict[str, Any]:
        """Tensors and plain values that a restart needs."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""

    def export(self, folder: Path) -> dict[str, Any]:
        """Write the model below `folder`; returns the figures of the run."""


@dataclasses.dataclass
class _Course:
    """What is logged and survives a restart."""

    step: int = 0
    curve: list[list[float]] = dataclasses.field(default_factory=list)
    seconds: float = 0.0


def fit(
    run: Run,
    worker: Callable[[dict[str, Any]], None],
    settings: dict[str, Any],
    resources: TrainResources,
) -> dict[str, Any]:
    """Train on Ray Train until the last step, publish the model folder, close the run; returns its summary.

    Running it again goes on from the last checkpoint; a finished run is returned as it is.

    Args:
        run: the claimed output folder.
        worker: runs on every worker; builds the recipe from `settings` and calls `train_loop`.
        settings: JSON values only.
        resources: workers and devices.
    """
    finished = run.summary()
    if finished is not None:
        return finished
    cluster.connect()
    from ray.train import CheckpointConfig, FailureConfig, LoggingConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    gpu = bool(resources.gpus_per_worker and cluster.gpus_in_cluster())
    if resources.gpus_per_worker and not gpu:
        say("train: no GPU in this cluster, training on CPUs (resources.gpus_per_worker=0 says so too)")
    result = TorchTrainer(
        worker,
        train_loop_config={**settings, "threads": resources.threads, "checkpoint_every": resources.checkpoint_every},
        scaling_config=ScalingConfig(
            num_workers=resources.workers,
            use_gpu=gpu,
            resources_per_worker={"GPU": resources.gpus_per_worker} if gpu else {"CPU": 1},
        ),
        run_config=RunConfig(
            name="training",
            storage_path=run.storage.url,
            failure_config=FailureConfig(max_failures=resources.max_failures),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
            logging_config=LoggingConfig(log_level="WARNING"),
        ),
    ).fit()
    if result.error is not None:
        raise result.error
    assert result.checkpoint is not None, "the last step reports one"
    with result.checkpoint.as_directory() as folder:
        publish_model(run.storage, Path(folder) / MODEL)
        figures = json.loads((Path(folder) / FIGURES).read_text(encoding="utf-8"))
    return run.finish(figures)


def train_loop(recipe: Recipe, settings: dict[str, Any]) -> None:
    """Every worker's loop: AdamW on the recipe's loss, a checkpoint every so many steps and at the end.

    The samples of a step depend on the seed and the step alone, so that resuming is exact.
    """
    import ray.train
    import torch
    from ray.train.torch import get_device, prepare_model

    config = TrainConfig.model_validate(settings["train"])
    context = ray.train.get_context()
    rank, world = context.get_world_rank(), context.get_world_size()
    torch.set_num_threads(settings["threads"])
    recipe.to(get_device())
    network = prepare_model(recipe.network)
    optimiser = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    course = _restore(recipe, optimiser)
    recent: list[float] = []
    network.train()
    started = printed = time.monotonic()
    for step in range(course.step, config.steps):
        torch.manual_seed(config.seed * 1_000_003 + step * world + rank)  # dropout of this step
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(config, step)
        loss = recipe.loss(network, share(step, config.batch_size, rank, world), step)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if config.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip_norm)
        optimiser.step()
        recipe.updated()
        recent.append(loss.item())
        done = step + 1
        if done % max(1, config.steps // CURVE_POINTS) == 0 or done == config.steps:
            course.curve.append([done, sum(recent) / len(recent)])
            recent.clear()
        if rank == 0 and (time.monotonic() - printed > 10 or done == config.steps):
            printed = time.monotonic()
            say(_training_line(settings["job"], config, done, course, printed - started, done - course.step))
        if done % settings["checkpoint_every"] == 0 or done == config.steps:
            spent = course.seconds + time.monotonic() - started
            kept = _Course(done, course.curve, spent)
            _report(recipe, optimiser, kept, config, last=done == config.steps, rank=rank)


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up to the configured rate, then constant or a half cosine to zero."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if not config.cosine_decay:
        return config.learning_rate
    share_done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * share_done))


def _training_line(job: str, config: TrainConfig, done: int, course: _Course, seconds: float, made: int) -> str:
    rate = made * config.batch_size / max(seconds, 1e-9)
    left = (config.steps - done) * seconds / max(made, 1)
    loss = course.curve[-1][1] if course.curve else float("nan")
    return f"{job}: step {done:,}/{config.steps:,} · loss {loss:.4f} · {rate:.1f} img/s · {duration(left)} left"


def _restore(recipe: Recipe, optimiser: torch.optim.Optimizer) -> _Course:
    import ray.train
    import torch

    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return _Course()
    with checkpoint.as_directory() as folder:
        state = torch.load(Path(folder) / TRAINING_STATE, map_location="cpu", weights_only=True)
    recipe.load_state(state["recipe"])
    optimiser.load_state_dict(state["optimiser"])
    return _Course(**state["course"])


def _report(
    recipe: Recipe, optimiser: torch.optim.Optimizer, course: _Course, config: TrainConfig, *, last: bool, rank: int
) -> None:
    """Checkpoint from rank 0; the last one carries the model folder and the run's figures."""
    import ray.train
    import torch

    if rank != 0:
        ray.train.report({})
        return
    figures: dict[str, Any] = {
        "steps": course.step,
        "loss": course.curve[-1][1] if course.curve else None,
        "curve": course.curve,
        "seconds": course.seconds,
        "images_per_second": course.step * config.batch_size / max(course.seconds, 1e-9),
    }
    with tempfile.TemporaryDirectory() as folder:
        state = {
            "recipe": recipe.state(),
            "optimiser": optimiser.state_dict(),
            "course": dataclasses.asdict(course),
        }
        torch.save(state, Path(folder) / TRAINING_STATE)
        if last:
            figures |= recipe.export(Path(folder) / MODEL)
            (Path(folder) / FIGURES).write_text(json.dumps(figures), encoding="utf-8")
        metrics = {"step": course.step, "loss": figures["loss"]}
        ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder))


def publish_model(storage: Storage, folder: Path) -> None:
    """Copy the exported folder to the output, the index file last: a folder that has it is whole."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: (path.name == "model_index.json", path)):
        storage.create(path.relative_to(folder).as_posix(), path.read_bytes())
