"""A student in the pipeline: one call or two, from the teacher's own noise, within what it was taught."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from difffas.errors import UserError
from difffas.model_files import LocalFiles
from difffas.model_folder import check_pipeline, has_student, student_config
from difffas.pipeline import SpoofPipeline
from difffas.posterior import predict_clean
from difffas.schedule import q_sample
from difffas.student import SpoofStudent, refined_timesteps, renoised
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet

NETWORK: dict[str, Any] = {"base_channels": 8, "channel_multipliers": [1] * 6, "embed_channels": 16, "dropout": 0.0}
ENCODER: dict[str, Any] = {"stem_channels": 8, "channels": (8, 8, 8, 8), "depths": (1, 1, 1, 1)}
TAUGHT: dict[str, Any] = {"teacher": "a" * 64, "t0": [20, 40], "cfg_scale": [1.0, 3.0], "styles": ["cam-print"]}


def random_unet() -> SpoofUNet:
    torch.manual_seed(1)
    unet = SpoofUNet(**NETWORK)
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return unet


@pytest.fixture(scope="module")
def pipeline() -> SpoofPipeline:
    unet = random_unet()
    student = SpoofStudent(NETWORK, **TAUGHT)
    student.unet.load_state_dict(unet.state_dict())
    return SpoofPipeline(unet, StyleEncoder(["cam-print"], **ENCODER), student=student)


def images(seed: int, batch: int = 3) -> Tensor:
    return torch.rand(batch, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_a_new_student_is_the_teachers_first_guess_whatever_w_is(pipeline: SpoofPipeline) -> None:
    student, x, live, t = pipeline.student, images(1), images(2), torch.tensor([19, 25, 39])
    features = pipeline.encode_guides(images(3))
    with torch.no_grad():
        guess = predict_clean(x, pipeline.unet(torch.cat((x, live), 1), t, features).sample, t)
        for scale in (1.0, 2.7):
            made = student(x, live, t, torch.full((3,), scale), features)
            torch.testing.assert_close(made, guess)
        torch.nn.init.normal_(student.scale_embedding[2].weight)
        one, two = (student(x, live, t, torch.full((3,), scale), features) for scale in (1.0, 2.7))
        torch.nn.init.zeros_(student.scale_embedding[2].weight)
    assert not torch.allclose(one, two)


def test_it_starts_from_the_noise_that_the_teacher_started_from(
    pipeline: SpoofPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Tensor, Tensor]] = []
    forward = SpoofStudent.forward

    def watched(self: SpoofStudent, x: Tensor, live: Tensor, t: Tensor, *rest: Any) -> Tensor:
        seen.append((x, t))
        return forward(self, x, live, t, *rest)

    monkeypatch.setattr(SpoofStudent, "forward", watched)
    given: dict[str, Any] = {"t0": [20, 30, 40], "seed": [5, 6, 7], "cfg_scale": 2.0}
    pipeline(images(1), images(2), preset="student-2", **given)
    noise = torch.stack([torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(s)) for s in (5, 6, 7)])
    first = q_sample(images(1), torch.tensor([19, 29, 39]), noise)
    assert torch.equal(seen[0][0], first) and seen[0][1].tolist() == [19, 29, 39]
    assert len(seen) == 2 and seen[1][1].tolist() == [9, 14, 19]


def test_the_second_call_sees_the_first_picture_under_less_of_the_same_noise() -> None:
    clean, noise, t = images(1), torch.randn(3, 3, 32, 32), torch.tensor([19, 29, 39])
    lower = refined_timesteps(t)
    found = renoised(q_sample(clean, t, noise), clean, t, lower)
    torch.testing.assert_close(found, q_sample(clean, lower, noise), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("preset", ["student", "student-2"])
def test_a_sample_does_not_depend_on_its_neighbours(pipeline: SpoofPipeline, preset: str) -> None:
    """Bit for bit in a batch of four; in one of three, some processors round the last row in another way."""
    given: dict[str, Any] = {"t0": [20, 30, 40, 25], "seed": [5, 6, 7, 8], "cfg_scale": [1.0, 2.0, 3.0, 1.5]}
    live, guide, order = images(1, 4), images(2, 4), [2, 0, 3, 1]
    made = pipeline(live, guide, **given, preset=preset)
    moved: dict[str, Any] = {name: [values[place] for place in order] for name, values in given.items()}
    turned = pipeline(live[order], guide[order], **moved, preset=preset)
    assert torch.equal(made[order], turned)
    assert made.dtype == torch.float32 and made.abs().max() <= 1.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"t0": 19}, "t0 19 to 19: this student was taught 20 to 40"),
        ({"t0": 41}, "taught 20 to 40"),
        ({"cfg_scale": 3.5}, r"cfg_scale 3\.5 to 3\.5: this student was taught 1 to 3"),
        ({"offset": "official"}, "knows only"),
        ({"steps": 2}, "steps 2 with preset 'student'"),
        ({"sampler": "ddim"}, "sampler 'ddim' with preset 'student'"),
    ],
)
def test_what_it_was_not_taught_is_refused(pipeline: SpoofPipeline, given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pipeline(images(1), images(2), **{"t0": 30, "preset": "student", **given})


def test_a_second_call_that_was_not_taught_is_refused() -> None:
    taught = SpoofStudent(NETWORK, **TAUGHT, calls=1)
    alone = SpoofPipeline(random_unet(), StyleEncoder(["cam-print"], **ENCODER), student=taught)
    alone(images(1), images(2), t0=30, preset="student")
    with pytest.raises(ValueError, match="2 calls: this student was taught 1; use preset student"):
        alone(images(1), images(2), t0=30, preset="student-2")


def test_a_generator_without_a_student_says_so() -> None:
    alone = SpoofPipeline(random_unet(), StyleEncoder(["a"], **ENCODER))
    with pytest.raises(ValueError, match="has no student: choose another preset, or run `difffas fit-student`"):
        alone(images(1), images(2), preset="student")


@pytest.mark.slow
def test_a_folder_holds_its_student_and_the_teachers_digest(pipeline: SpoofPipeline, tmp_path: Path) -> None:
    pipeline.save_pretrained(tmp_path)
    files = LocalFiles(tmp_path)
    check_pipeline(files)
    assert has_student(files) and student_config(files)["teacher"] == "a" * 64
    again = SpoofPipeline.from_pretrained(tmp_path)
    for preset in ("exact", "student", "student-2"):
        settings: dict[str, Any] = {"t0": 30, "preset": preset}
        assert torch.equal(again(images(1), images(2), **settings), pipeline(images(1), images(2), **settings)), preset


def test_a_folder_without_a_student_does_not_name_one(tmp_path: Path) -> None:
    SpoofPipeline(random_unet(), StyleEncoder(["a"], **ENCODER)).save_pretrained(tmp_path)
    assert "student" not in json.loads((tmp_path / "model_index.json").read_text())
    assert not has_student(LocalFiles(tmp_path))
    assert SpoofPipeline.from_pretrained(tmp_path).student is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": {**NETWORK, "base_channels": 16}}, "weights"),
        ({"network": {"layers": 3}}, "does not describe a network"),
        ({"network": 3}, "network is 3"),
        ({"t0": [40, 20]}, r"t0 \[40, 20\]"),
        ({"match": "colour"}, "match is 'colour'"),
        ({"t0_by_style": [[1, 2], [3, 4]]}, "t0_by_style of a student has 2 ranges for 1 styles"),
        ({"cfg_scale_by_style": [[3.0, 1.0]]}, r"cfg_scale_by_style \[3.0, 1.0\]"),
        ({"calls": 3}, "calls 3 of a student must be 1 or 2"),
        ({"pickle": "x"}, "key 'pickle' is unknown"),
    ],
)
def test_a_broken_student_is_named_in_one_line(
    pipeline: SpoofPipeline, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    pipeline.save_pretrained(tmp_path)
    place = tmp_path / "student" / "config.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), **change}))
    with pytest.raises(UserError, match=words) as raised:
        check_pipeline(LocalFiles(tmp_path))
    assert "\n" not in str(raised.value) and "student" in str(raised.value)


def test_an_index_may_not_name_another_class_as_student(pipeline: SpoofPipeline, tmp_path: Path) -> None:
    pipeline.save_pretrained(tmp_path)
    place = tmp_path / "model_index.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "student": ["os", "system"]}))
    with pytest.raises(UserError, match="student must be"):
        SpoofPipeline.from_pretrained(tmp_path)
