"""The training loop that every worker runs: optimise a recipe's loss, with checkpoints, evaluations and a guard."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import math
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from factory.cluster.compiler import check_compiler
from factory.core.progress import TrainingProgress
from factory.storage import Storage
from factory.train import (
    FIGURES,
    MODEL,
    ConfigT,
    ModelFigures,
    Recipe,
    TrainConfig,
    TrainResources,
    TrainSummary,
    WorkerSettings,
    parallel,
)
from factory.train.batches import share
from factory.train.checkpoints import Course, load, save
from factory.train.ingest import Batch, stream
from factory.train.optimisers import learning_rate, make_optimiser
from factory.train.watch import Watch

CURVE_POINTS = 200
BAD_STEPS = 5  # this many consecutive bad steps end a run
KEYS_NAMED = 24  # most keys named for a bad batch
BEST = "best"  # the module that holds the weights of the best evaluation


class Fit(NamedTuple):
    """The objects that a training step needs."""

    recipe: Recipe
    modules: dict[str, nn.Module]  # in checkpoints: the recipe's; with patience, the best weights
    network: nn.Module  # the recipe's network, distributed
    optimiser: torch.optim.Optimizer
    config: TrainConfig
    resources: TrainResources
    device: torch.device


def train_loop(recipe: Recipe, settings: WorkerSettings[ConfigT]) -> str | None:
    """Train to the last step, starting from the last checkpoint if there is one.

    The samples of a step depend only on the seed and the step, so that resuming is exact. Returns None, or the reason
    why the run must stop for good: too many consecutive steps with a loss or gradient that is not finite.
    """
    import ray.train
    from ray.train.torch import get_device

    _quiet_reports()
    checkpoint = ray.train.get_checkpoint()
    fit = prepare(recipe, settings, get_device(), fresh=checkpoint is None)
    config, first = fit.config, parallel.rank() == 0
    course = _restore(fit, checkpoint)
    watch, storage = None, Storage(settings.out)
    if first:
        names = settings.station, settings.fingerprint
        watch = Watch(storage, course.step, fit.resources.trackers, *names, settings.shown())
    if course.step == 0:
        _keep(fit, 0, storage)
    progress = TrainingProgress(settings.station, config.steps, config.batch_size, course.step)
    with contextlib.closing(_batches(fit, course, settings.cpus_per_reader)) as batches:
        while course.step < config.steps and not _out_of_patience(config, course):
            outcome = _timed_step(fit, course, batches)
            if course.skipped_in_a_row >= BAD_STEPS:
                if watch is not None:
                    watch.close()
                return _why_stopped(recipe, course.step - 1, outcome)
            last = course.step == config.steps
            if config.evaluate_every and (course.step % config.evaluate_every == 0 or last):
                _evaluate(fit, course, watch)
            _keep(fit, course.step, storage)
            last = last or _out_of_patience(config, course)
            _log(config, course, outcome, watch, last=last)
            if first:
                progress.show(course.step, course.loss, course.skipped, last)
            if course.step % fit.resources.checkpoint_every == 0 or last:
                if watch is not None:
                    watch.commit()
                _report(fit, course, last=last)
    if watch is not None:
        watch.close()
    return None


def _quiet_reports() -> None:
    """Suppress the line of metrics that Ray Train logs from every worker at every checkpoint despite its log level."""
    from ray.train.v2._internal.execution import context

    logging.getLogger(context.__file__).setLevel(logging.WARNING)  # that module names its logger so


def prepare(recipe: Recipe, settings: WorkerSettings[ConfigT], device: torch.device, fresh: bool = True) -> Fit:
    """Place the recipe on its device, distribute it and make its optimiser; `fresh` unless a checkpoint is loaded."""
    config, resources = settings.train, settings.resources
    torch.set_num_threads(resources.threads)
    recipe.to(device)
    if fresh:
        recipe.begin()
    modules = dict(recipe.modules)
    if config.patience is not None:
        modules[BEST] = copy.deepcopy(_exported(recipe)).requires_grad_(False)
    network, *copies = modules.values()
    assert network is modules["network"], "the network is the first module"
    if resources.activation_checkpointing:
        network.enable_gradient_checkpointing()  # type: ignore[operator]
    if device.type == "cuda":
        parallel.lay_out(modules, torch.channels_last, resources.parallel)
        if resources.compile:
            check_compiler()
            network.compile()
    distributed = parallel.distribute(network, copies, resources.parallel)
    distributed.train()
    return Fit(recipe, modules, distributed, make_optimiser(network, config), config, resources, device)


def take_step(fit: Fit, batch: Batch, step: int) -> parallel.Outcome:
    """One optimiser step on a worker's part of the global batch; every worker skips a step that is not finite.

    A skipped step leaves weights, buffers and optimiser unchanged.
    """
    rank, world = parallel.rank(), parallel.world_size()
    torch.manual_seed(fit.config.seed * 1_000_003 + step * world + rank)  # dropout of this step
    for group in fit.optimiser.param_groups:
        group["lr"] = learning_rate(fit.config, step)
    buffers = [buffer.clone() for buffer in fit.network.buffers()]
    fit.optimiser.zero_grad(set_to_none=True)
    total = torch.zeros((), device=fit.device)
    parts = fit.resources.accumulate
    counters = np.split(share(step, fit.config.batch_size, rank, world), parts)
    for part, mine in enumerate(counters):
        rows = slice(part * len(mine), (part + 1) * len(mine))
        piece = {name: values[rows] for name, values in batch.items()}
        with parallel.gradients_stay_here(fit.network, part < parts - 1):
            with _precision(fit):
                loss = fit.recipe.loss(fit.network, piece, mine) / parts
            loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    outcome = parallel.agree(total, parallel.gradient_norm(fit.network, fit.config.clip_norm or math.inf))
    if not outcome.guilty:
        fit.optimiser.step()
        fit.recipe.updated()
    else:
        for buffer, before in zip(fit.network.buffers(), buffers, strict=True):
            buffer.copy_(before)
    return outcome


def _precision(fit: Fit) -> torch.autocast:
    return torch.autocast(fit.device.type, torch.bfloat16, enabled=fit.config.precision == "bfloat16")


def _batches(fit: Fit, course: Course, num_cpus: float) -> Generator[Batch, None, None]:
    """This worker's batches from the course's step on."""
    reader = fit.recipe.reader(parallel.rank(), parallel.world_size())
    if fit.resources.read_ahead:
        yield from stream(reader, course.step, fit.config.steps, fit.resources.read_ahead, num_cpus)
    else:
        yield from (reader(step) for step in range(course.step, fit.config.steps))


def _timed_step(fit: Fit, course: Course, batches: Iterator[Batch]) -> parallel.Outcome:
    """Take the course's next step and record the step in the course."""
    started = time.monotonic()
    batch = next(batches)
    course.waited += time.monotonic() - started
    outcome = take_step(fit, batch, course.step)
    course.seconds += time.monotonic() - started
    course.step += 1
    if outcome.guilty:
        course.skipped += 1
        course.skipped_in_a_row += 1
    else:
        course.updates += 1
        course.skipped_in_a_row = 0
        course.recent.append(outcome.loss)
    return outcome


def _why_stopped(recipe: Recipe, step: int, outcome: parallel.Outcome) -> str:
    """Why the run stopped, with keys of the last bad batch from the workers that found it bad."""
    world = parallel.world_size()
    batches = [recipe.reader(rank, world)(step)["keys"] for rank in outcome.guilty]
    keys = [str(key) for batch in batches for key in np.unique(batch)]
    more = f" and {len(keys) - KEYS_NAMED} more" if len(keys) > KEYS_NAMED else ""
    return (
        f"{BAD_STEPS} steps in a row, to step {step + 1}, had a loss or gradient that is not finite: look at the rows "
        f"of the last batch ({', '.join(keys[:KEYS_NAMED])}{more}), or lower train.learning_rate"
    )


def _evaluate(fit: Fit, course: Course, watch: Watch | None) -> None:
    """Evaluate and record the result in the course; every worker uses rank 0's score, so that all stop together."""
    started = time.monotonic()
    with _precision(fit):
        found = fit.recipe.evaluate()
    fit.network.train()
    if found.score is not None:
        score = parallel.of_rank_0(found.score, fit.device)
        better = course.best is None or score > course.best
        course.since_best = 0 if better else course.since_best + 1
        if better:
            course.best, course.best_step = score, course.step
            if BEST in fit.modules:
                _copy(_exported(fit.recipe), fit.modules[BEST])
    course.evaluations.append({"step": course.step, **found.figures})
    course.seconds += time.monotonic() - started
    if watch is not None:
        watch.scalars(course.step, {f"held_out/{name}": value for name, value in found.figures.items()})
        for name, pixels in found.images.items():
            watch.image(course.step, name, pixels)


def _keep(fit: Fit, step: int, storage: Storage) -> None:
    """Write the files that the recipe keeps of this step; they precede the next checkpoint, so none is missed."""
    with _precision(fit):
        files = fit.recipe.keep(step)
    if files:
        fit.network.train()
    if parallel.rank() == 0:
        for name, data in files.items():
            storage.create(name, data)


def _exported(recipe: Recipe) -> nn.Module:
    """The recipe's module whose weights are the model."""
    return list(recipe.modules.values())[-1]


def _copy(source: nn.Module, target: nn.Module) -> None:
    """Copy weights and buffers; each worker copies its own part."""
    values = source.state_dict()
    for name, value in target.state_dict().items():
        value.copy_(values[name])


def _out_of_patience(config: TrainConfig, course: Course) -> bool:
    return config.patience is not None and course.since_best >= config.patience


def _log(config: TrainConfig, course: Course, outcome: parallel.Outcome, watch: Watch | None, *, last: bool) -> None:
    """Add a point to the curve at regular steps and at the end."""
    if not (last or course.step % max(1, config.steps // CURVE_POINTS) == 0) or not course.recent:
        return
    loss = sum(course.recent) / len(course.recent)
    course.curve.append([course.step, loss])
    course.recent.clear()
    if watch is not None:
        rate = learning_rate(config, course.step - 1)
        figures = {"loss": loss, "gradient_norm": outcome.norm, "learning_rate": rate, "skipped": course.skipped}
        watch.scalars(course.step, {name: value for name, value in figures.items() if math.isfinite(value)})


def _restore(fit: Fit, checkpoint: Any) -> Course:
    if checkpoint is None:
        return Course()
    with checkpoint.as_directory() as folder:
        course = load(Path(folder), fit.modules, fit.optimiser)
    fit.recipe.resumed(course.updates)
    return course


def _report(fit: Fit, course: Course, *, last: bool) -> None:
    """Report a checkpoint, each worker its own part; the last one carries the model folder and the run's figures."""
    import ray.train

    first = parallel.rank() == 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder, fit.modules, fit.optimiser, course, first)
        if last:
            if BEST in fit.modules and course.best_step is not None:
                _copy(fit.modules[BEST], _exported(fit.recipe))
            parallel.lay_out(fit.modules, torch.contiguous_format, fit.resources.parallel)  # safetensors needs it
            with contextlib.nullcontext(name) if first else tempfile.TemporaryDirectory() as place:
                exported = fit.recipe.export(Path(place) / MODEL)  # on all workers: sharded weights must be gathered
            if first:
                figures = json.dumps(_summary(fit.config, course, exported))
                (folder / FIGURES).write_text(figures, encoding="utf-8")
        metrics: dict[str, float | None] = {"step": course.step, "loss": course.loss}
        for found in course.evaluations[-1:]:
            metrics |= found if found["step"] == course.step else {}  # skip an older evaluation
        mine = ray.train.Checkpoint.from_directory(name) if any(folder.iterdir()) else None
        ray.train.report(metrics, checkpoint=mine)
    if first and not last:  # Ray Train records it within seconds; a run killed earlier would restart further back
        ray.train.get_all_reported_checkpoints(consistency_mode=ray.train.CheckpointConsistencyMode.COMMITTED)


def _summary(config: TrainConfig, course: Course, model: ModelFigures) -> TrainSummary:
    return {
        "steps": course.step,
        "model_step": course.step if config.patience is None else course.best_step or course.step,
        "loss": course.loss,
        "curve": course.curve,
        "skipped": course.skipped,
        "evaluations": course.evaluations,
        "seconds": course.seconds,
        "images_per_second": course.step * config.batch_size / max(course.seconds, 1e-9),
        "data_wait": course.waited / max(course.seconds, 1e-9),
        **model,
    }
