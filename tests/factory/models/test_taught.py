"""A student makes what it was taught, style by style; everything else is refused before a folder is claimed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from factory.core.config import build
from factory.models.load import check_sampler
from factory.models.settings import SamplerConfig
from tests.students import write_student

STYLES = ("a-print", "a-replay")
OWN = {"t0_by_style": [[50, 100], [150, 200]], "cfg_scale_by_style": [[1.0, 2.0], [3.0, 4.0]]}


@pytest.mark.parametrize(
    ("asked", "styles", "words"),
    [
        ({"t0": (160, 170), "cfg_scale": (3.0, 3.0)}, STYLES, r"t0 \[160, 170\] of style a-print: .* 50 to 100"),
        ({"t0": (160, 170), "cfg_scale": (1.0, 3.0)}, STYLES[1:], r"cfg_scale \[1, 3\] of style a-replay: .* 3 to 4"),
        ({"t0": (60, 70), "by_style": {"a-replay": {"t0": (60, 70)}}}, STYLES[1:], r"sampler\.by_style\.a-replay\.t0"),
        ({"t0": (40, 70)}, (), r"sampler\.t0 \[40, 70\]: .* 50 to 200"),
        ({"t0": (60, 70)}, ("a-mask",), "was not taught style 'a-mask'; it knows a-print, a-replay"),
    ],
)
def test_a_student_keeps_to_what_each_style_was_taught(
    tmp_path: Path, asked: dict[str, Any], styles: tuple[str, ...], words: str
) -> None:
    folder = write_student(tmp_path, **OWN)
    with pytest.raises(ValueError, match=words):
        check_sampler(folder, build(SamplerConfig, {"preset": "student", **asked}), styles)


def test_the_ranges_of_a_calibration_serve_its_student(tmp_path: Path) -> None:
    """Where every style has ranges of its own, those of all styles are used by none."""
    by_style = {
        "a-print": {"t0": (60, 60), "cfg_scale": (2.0, 2.0)},
        "a-replay": {"t0": (200, 200), "cfg_scale": (3.0, 4.0)},
    }
    sampler = build(SamplerConfig, {"preset": "student", "t0": (250, 250), "by_style": by_style})
    check_sampler(write_student(tmp_path, **OWN), sampler, STYLES)
    with pytest.raises(ValueError, match=r"sampler\.t0 \[250, 250\]"):
        check_sampler(str(tmp_path), sampler)


def test_a_student_of_one_call_makes_no_second(tmp_path: Path) -> None:
    folder = write_student(tmp_path, calls=1)
    check_sampler(folder, SamplerConfig(preset="student", name="student", steps=1, t0=(60, 60)))
    with pytest.raises(
        ValueError, match="preset student-2: the student of .* was taught one call .* use preset student"
    ):
        check_sampler(folder, SamplerConfig(preset="student-2", name="student", steps=2, t0=(60, 60)))


def test_one_refusal_says_all_that_must_be_set(tmp_path: Path) -> None:
    folder = write_student(tmp_path, calls=1)
    with pytest.raises(ValueError, match="sampler.match style") as told:
        check_sampler(folder, build(SamplerConfig, {"preset": "student", "match": "style"}))
    settings = dict(re.findall(r"sampler\.(\w+)=(\[[^]]*\]|\w+)", str(told.value)))
    mended = {"match": settings.pop("match"), **{name: json.loads(value) for name, value in settings.items()}}
    check_sampler(folder, build(SamplerConfig, {"preset": "student", **mended}))
    assert set(mended) == {"match", "t0", "cfg_scale"}
