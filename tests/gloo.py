"""Two workers that train the real generator recipe without Ray: processes joined by gloo on the loopback."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.tensor import DTensor

from benchmarks.corpora import NoConfig
from difffas.style_encoder import StyleEncoder
from factory.run import Run
from factory.train import TrainConfig, TrainResources, WorkerSettings
from factory.train.checkpoints import Course, load, save
from factory.train.loop import Fit, prepare, take_step
from factory.train.recipes.generator import FitGeneratorConfig, GeneratorRecipe
from factory.train.recipes.style import FitStyleConfig, style_recipe
from tests.told import told
from tests.toy_recipe import ToyRecipe, toy_settings

NETWORK = {"base_channels": 8, "channel_multipliers": [1] * 6, "embed_channels": 16, "dropout": 0.0}


def write_style_folder(folder: Path) -> None:
    """An untrained style encoder where fit-style would leave one."""
    Run(str(folder), "fit-style", {}, NoConfig())
    torch.manual_seed(1)
    StyleEncoder(["cam-print"], 8, (8, 8, 8, 8), (1, 1, 1, 1)).save_pretrained(folder / "style_encoder")


def settings(corpus: str, encoder: str, **resources: Any) -> WorkerSettings[FitGeneratorConfig]:
    """What the driver hands to workers."""
    given = {
        "corpus": corpus,
        "style_encoder": encoder,
        "out": "unused",
        "network": NETWORK,
        "train": {"steps": 10, "batch_size": 8, "learning_rate": 1e-3},
        "ema_decay": 0.5,
        "resources": {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0, **resources},
    }
    return told(FitGeneratorConfig.model_validate(given))


def style_curve(corpus: str, **resources: Any) -> list[float]:
    """Losses of the first steps of a style encoder whose BatchNorms are in eval mode."""
    given = {
        "corpus": corpus,
        "out": "unused",
        "network": {"stem_channels": 8, "channels": [8, 8, 8, 8], "depths": [1, 1, 1, 1]},
        "train": {"steps": 10, "batch_size": 8, "learning_rate": 1e-2},
        "resources": {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0, **resources},
    }
    styles = ["cam-live", "cam-print", "cam-replay", "phone-live", "phone-print", "phone-replay"]
    complete = told(FitStyleConfig.model_validate(given), styles)
    fit = prepare(style_recipe(complete), complete, torch.device("cpu"))
    for module in fit.network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    return steps(fit, 0, 4)


def start(given: WorkerSettings[FitGeneratorConfig]) -> Fit:
    return prepare(GeneratorRecipe(given), given, torch.device("cpu"))


def steps(fit: Fit, first: int, last: int) -> list[float]:
    """Losses of these steps."""
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    read = fit.recipe.reader(rank, world)
    return [take_step(fit, read(step), step).loss for step in range(first, last)]


def one_of_two(rank: int, port: int, cases: dict[str, WorkerSettings[FitGeneratorConfig]], out: str) -> None:
    """Worker `rank`: four steps of each case, a checkpoint into OUT/CASE, two steps, facts into OUT/CASE.json."""
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    for name, given in cases.items():
        fit = start(given)
        losses = steps(fit, 0, 4)
        mine, whole = Path(out, f"{name}-{rank}"), Path(out, name)
        for folder in (mine, whole):
            folder.mkdir(exist_ok=True)
        save(mine, fit.recipe.modules, fit.optimiser, Course(step=4, updates=4), rank == 0)
        shutil.copytree(mine, whole, dirs_exist_ok=True)  # as Ray Train joins the parts
        losses += steps(fit, 4, 6)
        sharded = all(isinstance(t, DTensor) for m in fit.recipe.modules.values() for t in m.parameters())
        exported = fit.recipe.export(mine / "model")
        if rank == 0:
            facts = {"losses": losses, "sharded": sharded, **exported}
            Path(out, f"{name}.json").write_text(json.dumps(facts), encoding="utf-8")
    dist.barrier()
    # What two workers sharded and saved, two replicas take up.
    fit = start(cases["ddp"])
    resumed = load(Path(out, "fsdp2"), fit.recipe.modules, fit.optimiser)
    fit.recipe.resumed(resumed.updates)
    losses = steps(fit, resumed.step, 6)
    if rank == 0:
        Path(out, "resumed.json").write_text(json.dumps(losses), encoding="utf-8")
    styles = {how: style_curve(cases["ddp"].config.corpus, workers=2, parallel=how) for how in ("ddp", "fsdp2")}
    Path(out, f"styles-{rank}.json").write_text(json.dumps(styles), encoding="utf-8")
    guilty, weights = bad_step()
    Path(out, f"bad-{rank}.json").write_text(json.dumps({"guilty": guilty, "weights": weights}), encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()


def bad_step() -> tuple[list[list[int]], list[float]]:
    """Three steps of the toy recipe of which the second has NaN in worker 1's data."""
    train = TrainConfig(steps=3, batch_size=8, learning_rate=0.1)
    resources = TrainResources(gpus_per_worker=0, threads=1, read_ahead=0)
    given = toy_settings(train, resources, bad_steps=[1])
    fit = prepare(ToyRecipe(given), given, torch.device("cpu"))
    read = fit.recipe.reader(dist.get_rank(), dist.get_world_size())
    guilty, weights = [], []
    for step in range(3):
        guilty.append(take_step(fit, read(step), step).guilty)
        weights.append(float(next(fit.network.parameters())))
    return guilty, weights
