"""A teacher's rows: what they say is enough to make its picture again; whatever teaches something else is refused."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.corpora import face, png, write_corpus
from difffas.errors import UserError
from difffas.pipeline import SpoofPipeline
from difffas.stfm import StyleCondition
from factory.core.config import build
from factory.corpus import Corpus
from factory.models.settings import SamplerConfig
from factory.models.tensors import to_pixels, to_tensor
from factory.storage import Storage
from factory.train.recipes import student as fit_student
from factory.train.recipes.teacher_rows import TeacherRows, sampler_of, statistics_for
from tests.students import RANGES, generated, rows_of_teacher, student_config, teacher_rows, write_teacher


@pytest.fixture(scope="module")
def root(tmp_path_factory: Any, in_process: None) -> Path:
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


@pytest.mark.slow
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
    with pytest.raises(UserError, match="was written by `difffas prepare`, not by `difffas generate`"):
        fit_student.run(student_config(root, "refused", generated=f"{root}/real"))
    with pytest.raises(UserError, match="split 'test' has no row: choose among dev, train; or set held_out"):
        fit_student.run(student_config(root, "refused", held_out="test"))
    assert not (root / "refused").exists()


def test_rows_of_corpora_with_other_content_teach_nothing(root: Path) -> None:
    """Their keys are the same, so nothing else would notice."""
    other = [dataclasses.replace(each, image=png(face(n + 500, 64))) for n, each in enumerate(rows_of_teacher())]
    write_corpus(root / "other", other)
    assert set(Corpus(f"{root}/other").column("key")) == set(Corpus(f"{root}/real").column("key"))
    for name in ("live", "guides"):
        with pytest.raises(UserError, match=f"{name} .*/other is not the corpus that .*/taught was made of"):
            fit_student.run(student_config(root, "refused", **{name: f"{root}/other"}))
    assert not (root / "refused").exists()


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        ({"match": "none"}, "was made with sampler.match none, the others with style"),
        ({"t0": (250, 410)}, "was made with sampler.t0 250 to 410, the others with 250 to 400: make it with the same"),
        ({"offset": "official"}, r"made with sampler\.offset official"),
    ],
)
def test_held_out_rows_are_made_as_the_others(root: Path, sampler: dict[str, Any], words: str) -> None:
    out = "held-" + "-".join(sampler)
    generated(root, out, **sampler)
    with pytest.raises(UserError, match=words):
        fit_student.run(student_config(root, "refused", held_out_generated=f"{root}/{out}"))
    assert not (root / "refused").exists()


def test_ranges_are_those_of_the_sampler_by_style_where_they_differ(root: Path) -> None:
    rows, sampler = teacher_rows(root), sampler_of(Corpus(f"{root}/taught"))
    assert rows.ranges(sampler) == {name: list(of) for name, of in RANGES.items()}
    assert rows.ranges_by_style(sampler) == {"t0_by_style": [], "cfg_scale_by_style": []}
    own = {"t0": (260, 270), "cfg_scale": (4.0, 4.5)}
    differing = build(SamplerConfig, {**dict(sampler), "by_style": {rows.styles[0]: own}})
    assert rows.ranges(differing) == {"t0": [250, 400], "cfg_scale": [1.5, 4.5]}
    others = len(rows.styles) - 1
    assert rows.ranges_by_style(differing) == {
        "t0_by_style": [[260, 270], *[[250, 400]] * others],
        "cfg_scale_by_style": [[4.0, 4.5], *[[1.5, 3.0]] * others],
    }
