"""A teacher's rows: what they say is enough to make its picture again; whatever teaches something else is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from difffas.errors import UserError
from difffas.pipeline import SpoofPipeline
from difffas.stfm import StyleCondition
from factory.corpus import Corpus
from factory.models.tensors import to_pixels, to_tensor
from factory.storage import Storage
from factory.train.recipes import student as fit_student
from factory.train.recipes.teacher_rows import TeacherRows, sampler_of, statistics_for
from tests.students import generated, student_config, teacher_rows, write_teacher


@pytest.fixture(scope="module")
def root(tmp_path_factory: Any, ray_local: None) -> Path:
    folder: Path = tmp_path_factory.mktemp("student")
    write_teacher(folder)
    generated(folder, "taught")
    return folder


def test_from_what_a_row_says_the_teacher_makes_its_very_picture(root: Path) -> None:
    rows = teacher_rows(root)
    sampler = sampler_of(rows.corpora[0])
    statistics = statistics_for(Storage(f"{root}/teacher"), rows, sampler)
    numbers = np.arange(4)
    pixels = rows.pixels(numbers)
    given = rows.given(numbers, to_tensor(pixels["live"]), to_tensor(pixels["guide"]), sampler, statistics)
    teacher = SpoofPipeline.from_pretrained(root / "teacher")
    seen: list[Tensor] = []

    def first_of(unet: torch.nn.Module, args: tuple[Tensor, ...]) -> None:
        seen.append(args[0])

    handle = teacher.unet.register_forward_pre_hook(first_of)
    conditions = [teacher.encode_conditions(to_tensor(guide[None])) for guide in pixels["guide"]]
    joined = tuple(
        StyleCondition(*map(torch.cat, zip(*place, strict=True))) for place in zip(*conditions, strict=True)
    )
    table = rows.corpora[0].index.take(rows.positions[numbers])
    settings = {name: table[name].to_pylist() for name in ("t0", "cfg_scale", "seed")}
    from difffas.style_statistics import routed

    condition, start = routed(to_tensor(pixels["live"]), rows.routes(numbers), statistics, sampler.match)
    made = teacher(condition, joined, start=start, steps=sampler.steps, sampler=sampler.name, **settings)
    handle.remove()
    assert torch.equal(torch.cat((given.x, given.live), dim=1), seen[0])
    assert (given.timestep + 1).tolist() == settings["t0"] and given.cfg_scale.tolist() == settings["cfg_scale"]
    assert np.array_equal(to_pixels(made), pixels["spoof"])


def test_a_corpus_of_another_generator_preset_or_offset_teaches_nothing(root: Path) -> None:
    rows = [Corpus(f"{root}/{name}") for name in ("taught", "real", "real")]
    with pytest.raises(UserError, match="holds rows of generator .*, not of the teacher"):
        TeacherRows(rows[0], rows[1], rows[2], "train", hashlib.sha256(b"another").hexdigest())
    generated(root, "balanced", preset="balanced", name="dpm_solver_pp_2m", steps=5)
    with pytest.raises(UserError, match="made with preset balanced: teach from preset exact"):
        fit_student.run(student_config(root, "refused", generated=f"{root}/balanced"))
    generated(root, "ancestral", name="ddpm")
    with pytest.raises(UserError, match="made with sampler ddpm: teach from ddim or dpm_solver_pp_2m"):
        fit_student.run(student_config(root, "refused", generated=f"{root}/ancestral"))
    generated(root, "official", offset="official")
    with pytest.raises(UserError, match=r"made with sampler\.offset official"):
        fit_student.run(student_config(root, "refused", generated=f"{root}/official"))
    with pytest.raises(UserError, match="was not written by `difffas generate`|holds rows of generator None"):
        fit_student.run(student_config(root, "refused", generated=f"{root}/real"))
    with pytest.raises(UserError, match="split 'test' has no row: choose among dev, train; or set held_out"):
        fit_student.run(student_config(root, "refused", held_out="test"))
    assert not (root / "refused").exists()
