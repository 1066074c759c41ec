"""A small teacher, its corpus, and the settings of its student."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from benchmarks.corpora import small_rows, write_corpus
from difffas.pipeline import SpoofPipeline
from difffas.student import SpoofStudent
from difffas.style_encoder import StyleEncoder
from difffas.style_statistics import write_statistics
from difffas.unet import SpoofUNet
from factory import generate
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.row import Row
from factory.corpus.style_statistics import statistics_by_style
from factory.models.load import model_digest
from factory.storage import Storage
from factory.train import WorkerSettings
from factory.train.loop import prepare, take_step
from factory.train.recipes.student import FitStudentConfig, StudentRecipe
from factory.train.recipes.teacher_rows import TeacherRows
from tests.gloo import NETWORK

CPU = {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0}
RANGES = {"t0": (250, 400), "cfg_scale": (1.5, 3.0)}


def rows_of_teacher() -> list[Row]:
    """The rows of `real`."""
    return small_rows(subjects=4, side=64, splits=("train", "dev"))


def write_teacher(folder: Path) -> None:
    """Real faces in `real`, and in `teacher` a generator whose output depends on everything."""
    real = write_corpus(folder / "real", rows_of_teacher())
    torch.manual_seed(3)
    unet = SpoofUNet(**{**NETWORK, "timesteps": 600})
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    styles = sorted(set(real.column("style")))
    encoder = StyleEncoder(styles, stem_channels=8, channels=(8, 8, 8, 8), depths=(1, 1, 1, 1))
    SpoofPipeline(unet, encoder).save_pretrained(folder / "teacher")
    write_statistics(folder / "teacher", statistics_by_style(real, ["train", "dev"]))


def write_student(folder: Path, **taught: Any) -> str:
    """A generator of random weights with a student below `folder`; its path."""
    given = {"t0": [50, 200], "cfg_scale": [1.0, 4.0], "styles": ["a-print", "a-replay"], **taught}
    encoder = StyleEncoder(["a-print"], stem_channels=8, channels=(8, 8, 8, 8), depths=(1, 1, 1, 1))
    student = SpoofStudent(json.loads(json.dumps(NETWORK)), "0" * 64, **given)
    SpoofPipeline(SpoofUNet(**NETWORK), encoder, student=student).save_pretrained(folder)
    return str(folder)


def generated(folder: Path, out: str, **sampler: Any) -> None:
    """The teacher's spoofs of both splits below `folder/out`."""
    given = {"name": "ddim", "steps": 3, "match": "style", "batch_size": 4, **RANGES, **sampler}
    settings = {
        "inputs": {"live": f"{folder}/real", "guides": f"{folder}/real", "generator": f"{folder}/teacher"},
        "out": f"{folder}/{out}",
        "plan": {"samples": 12, "splits": ["train", "dev"]},
        "sampler": given,
        "output": {"rows_per_shard": 12},
        "resources": {"gpus_per_generator": 0, "threads": 1},
    }
    generate.run(build(generate.GenerateConfig, settings))


def teacher_rows(folder: Path, split: str = "train") -> TeacherRows:
    """The rows of `taught`."""
    taught, real = Corpus(f"{folder}/taught"), Corpus(f"{folder}/real")
    return TeacherRows(taught, real, real, split, model_digest(Storage(f"{folder}/teacher")))


def student_config(folder: Path, out: str = "student", **own: Any) -> FitStudentConfig:
    """Settings of a training of four steps."""
    given = {
        "teacher": f"{folder}/teacher",
        "generated": f"{folder}/taught",
        "live": f"{folder}/real",
        "guides": f"{folder}/real",
        "out": f"{folder}/{out}",
        "train": {"steps": 4, "batch_size": 4, "learning_rate": 1e-3, "evaluate_every": 2},
        "evaluation": {"samples": 5, "grid_rows": 2},
        "ema_decay": 0.5,
        "resources": CPU,
        **own,
    }
    return build(FitStudentConfig, given)


def taught_by_two(rank: int, port: int, given: WorkerSettings[FitStudentConfig], out: str) -> None:
    """Worker `rank` of two: three steps, an evaluation and an export; worker 0 writes OUT/losses.json."""
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2, timeout=datetime.timedelta(seconds=120))
    fit = prepare(StudentRecipe(given), given, torch.device("cpu"))
    read = fit.recipe.reader(rank, 2)
    losses = [take_step(fit, read(step), step).loss for step in range(3)]
    facts = {"losses": losses, **fit.recipe.evaluate().figures, **fit.recipe.export(Path(out, f"model-{rank}"))}
    if rank == 0:
        Path(out, "losses.json").write_text(json.dumps(facts), encoding="utf-8")
    dist.destroy_process_group()
