"""The shipped generator's student: its recipe, and what it keeps of its teacher."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from difffas.pipeline import SpoofPipeline
from difffas.routes import Route
from difffas.style_statistics import read_statistics, routed
from factory import generate, prepare
from factory.core.config import build
from factory.drawn import PRETRAINED, pictures
from factory.embedded import student
from factory.models.load import model_digest
from factory.models.taught import taught_of
from factory.models.tensors import to_tensor
from factory.storage import Storage
from factory.train.recipes.student import FitStudentConfig
from tests.students import student_config, write_teacher

STRANGERS = 4712  # a seed that no training used
LEAST_MEAN, LEAST = 33.0, 24.0  # dB to the teacher's picture


def test_the_recipe_is_made_of_settings_that_the_stations_take(tmp_path: Path) -> None:
    build(prepare.PrepareConfig, student._corpus(tmp_path))
    taught = build(generate.GenerateConfig, student._generated(tmp_path, "taught", "train", 5))
    config = build(FitStudentConfig, student._student(tmp_path))
    assert (taught.out, taught.inputs.generator) == (config.generated, config.teacher)
    assert taught.sampler.match == "style"


def test_what_ships_is_the_student_in_bfloat16_with_its_figures(tmp_path: Path) -> None:
    write_teacher(tmp_path)
    fitted, shipped = tmp_path / "fitted", tmp_path / "shipped"
    config = student_config(tmp_path)
    from difffas.model_folder import index_with_student
    from difffas.student import SpoofStudent
    from factory.models.load import unet_config

    teacher = Storage(config.teacher)
    for name in ("style_statistics/statistics.safetensors",):
        (fitted / name).parent.mkdir(parents=True)
        (fitted / name).write_bytes(teacher.read(name))
    made = SpoofStudent(unet_config(teacher), "x", [1, 2], [1.0, 2.0], ["cam-print"], "style")
    made.save_pretrained(fitted / "student")
    (fitted / "model_index.json").write_bytes(index_with_student(teacher))
    evaluations = [{"step": 2, "psnr": 30.5}]
    (fitted / "summary.json").write_text(json.dumps({"model_step": 2, "evaluations": evaluations}))
    assert student.ship(tmp_path, shipped)["psnr"] == 30.5
    stored = load_file(shipped / "student" / "diffusion_pytorch_model.safetensors")
    assert {value.dtype for value in stored.values() if value.is_floating_point()} == {torch.bfloat16}
    assert json.loads((shipped / student.FIGURES).read_text())["psnr"] == 30.5


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: Any) -> dict[str, np.ndarray]:
    """Drawn people by style, uint8 (N, 64, 64, 3)."""
    folder: Path = tmp_path_factory.mktemp("drawn")
    pictures.draw(folder, 16, 1, 64, student.DOMAINS, student.ATTACKS, seed=STRANGERS)
    found: dict[str, list[np.ndarray]] = {}
    for path in sorted(folder.rglob("*.png")):
        found.setdefault("-".join(path.relative_to(folder).parts[:2]), []).append(np.asarray(Image.open(path)))
    return {style: np.stack(images) for style, images in found.items()}


@pytest.mark.slow
def test_it_makes_its_teachers_pictures_of_strangers(strangers: dict[str, np.ndarray]) -> None:
    pipeline, statistics = SpoofPipeline.from_pretrained(PRETRAINED), read_statistics(Storage(str(PRETRAINED)))
    styles = [style for style in sorted(strangers) if not style.endswith("-live")]
    live = to_tensor(np.stack([strangers["phone-live"][i] for i in range(len(styles))]))
    guide = to_tensor(np.stack([strangers[style][0] for style in styles]))
    routes = [Route("phone-live", f"{style.partition('-')[0]}-live", style) for style in styles]
    condition, start = routed(live, routes, statistics, "style")
    given: dict[str, Any] = {"start": start, "t0": 420, "cfg_scale": 4.0, "seed": list(range(len(styles)))}
    wanted = pipeline(condition, guide, steps=10, sampler="dpm_solver_pp_2m", **given)
    for preset in ("student", "student-2"):
        made = pipeline(condition, guide, preset=preset, **given)
        decibels = -10 * ((made - wanted) / 2).square().flatten(1).mean(1).log10()
        assert decibels.mean() > LEAST_MEAN and decibels.min() > LEAST, (preset, decibels)


def test_it_was_taught_what_its_card_says() -> None:
    taught = taught_of(str(PRETRAINED))
    assert taught is not None and taught.match == "style"
    assert taught.t0 == (300, 460) and taught.cfg_scale == pytest.approx((2.0, 6.0), abs=0.01)
    assert set(taught.styles) == {f"{domain}-{attack}" for domain in student.DOMAINS for attack in student.ATTACKS}
    figures = json.loads((PRETRAINED / student.FIGURES).read_text())
    card = (PRETRAINED / "README.md").read_text()
    assert f"{figures['psnr']:.1f}" in card and f"{figures['two_calls_psnr']:.1f}" in card


@pytest.mark.soak
def test_the_recipes_teacher_is_the_one_that_the_student_names(tmp_path: Path) -> None:
    student.write_teacher(tmp_path / "teacher")
    named = json.loads((PRETRAINED / "student" / "config.json").read_text())["teacher"]
    assert model_digest(Storage(f"{tmp_path}/teacher")) == named
