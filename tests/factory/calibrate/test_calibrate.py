"""A calibration from its inputs to the YAML that generates."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from difffas.errors import UserError
from difffas.pipeline import SpoofPipeline
from difffas.student import SpoofStudent
from factory import calibrate
from factory.calibrate import CalibrateSummary, StyleSummary, measure, remarks, run
from factory.calibrate.knee import Figures, knees
from factory.core.config import load
from factory.corpus import Corpus
from factory.generate import GenerateConfig, lay_plan, open_inputs
from factory.generate.plan import Plan
from tests.factory.calibrate.conftest import Settings


@pytest.mark.usefixtures("here")
def test_the_chosen_settings_are_those_of_the_table_and_generate_takes_them(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings()
    summary, out = run(config), Path(config.out)
    cells = list(csv.DictReader(io.StringIO((out / "cells.csv").read_text())))
    assert len(cells) == 8 * 4 and summary["cells"] == 8
    numbers = [
        {
            **cell,
            **{name: float(cell[name]) for name in ("reach", "own", "structure", "cfg_scale")},
            "t0": int(cell["t0"]),
        }
        for cell in cells
    ]
    chosen = knees(numbers, config.floor)  # type: ignore[arg-type]
    assert {style: (cell["t0"], cell["cfg_scale"]) for style, cell in chosen.items()} == {
        style: (found["t0"], found["cfg_scale"]) for style, found in summary["styles"].items()
    }
    assert summary["people"] == {"dev": 8, "test": 8}
    told = capsys.readouterr().err
    for style, found in summary["styles"].items():
        assert (
            f"calibrate: {style}: match {summary['match']}, T₀ {found['t0']}, w {found['cfg_scale']:g}: reach" in told
        )
        assert found["before"] is not None and found["after"] is not None and found["after"]["faces"] == 2

    inputs = [f"inputs.{name}={getattr(config.inputs, name)}" for name in ("live", "guides", "generator")]
    given = load(GenerateConfig, str(out / "sampler.yaml"), [*inputs, f"out={out}-spoofs", "plan.splits=[test]"])
    assert given.sampler.match == summary["match"] and given.sampler.steps == 2
    corpus, plan = Corpus(config.inputs.live), lay_plan(given, open_inputs(given))
    assert isinstance(plan, Plan)
    for shard in plan.shards():
        made = plan.shard_plan(shard)
        for guide, t0, cfg_scale in zip(made.guide, made.t0, made.cfg_scale, strict=True):
            found = summary["styles"][corpus.column("style")[guide]]
            assert (t0, cfg_scale) == (found["t0"], found["cfg_scale"])

    # A calibration that was stopped measures what is missing, and ends alike.
    before = {name: (out / name).read_bytes() for name in ("cells.csv", "sampler.yaml", "summary.json")}
    for name in ("summary.json", "sampler.yaml", "cells.csv", "measures/dev-style-60-4.csv"):
        (out / name).unlink()
    made_again: list[int] = []
    real = measure.sample
    monkeypatch.setattr(calibrate, "sample", lambda *given: made_again.append(1) or real(*given))
    assert run(settings()) == summary and len(made_again) == 1
    assert {name: (out / name).read_bytes() for name in before} == before
    assert run(settings()) == summary and len(made_again) == 1


def test_without_people_who_confirm_nothing_is_compared(settings: Settings) -> None:
    config = settings(check=None, grid={"match": ["none"], "t0": [60], "cfg_scale": [1.0]}, styles=["cam-print"])
    summary = run(config)
    assert summary["before"] is None and list(summary["styles"]) == ["cam-print"]
    assert summary["styles"]["cam-print"]["after"] is None
    assert sorted(path.name for path in (Path(config.out) / "measures").iterdir()) == ["dev-none-60-1.csv"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"grid": {"t0": [301]}}, "was trained for T₀ up to 300"),
        ({"split": "train"}, "split 'train' has no live face"),
        ({"check": "nobody"}, "split 'nobody' has no live face"),
        ({"styles": ["cam-mask"]}, "no guide of .'cam-mask'."),
    ],
)
def test_a_mistake_is_one_line_and_claims_nothing(settings: Settings, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        run(settings(**given))
    assert "\n" not in str(caught.value)
    assert not Path(settings().out).exists()


def test_a_model_without_statistics_and_a_judge_without_a_style_are_refused(
    settings: Settings, calibration_inputs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "judge_styles", lambda storage: ["cam-live", "cam-print"])
    with pytest.raises(ValueError, match=r"the judge of .* does not know \['cam-replay', "):
        run(settings())
    with pytest.raises(ValueError, match="not a model folder"):
        run(settings(inputs={**calibration_inputs, "generator": "dummy"}))
    monkeypatch.setattr("difffas.style_statistics.read_statistics", lambda storage: {})
    with pytest.raises(ValueError, match="the generator has no statistics of style 'cam-live'"):
        run(settings())
    assert not Path(settings().out).exists()


def test_what_a_person_should_know_is_a_line_each(settings: Settings) -> None:
    of: Figures = {
        "faces": 2,
        "reach": 0.5,
        "reach_within": None,
        "reach_across": 0.5,
        "own": 1.0,
        "structure": 0.9,
    }
    style: StyleSummary = {
        "t0": 60,
        "cfg_scale": 2.0,
        "keeps_identity": False,
        "chosen_on": of,
        "before": of,
        "after": {**of, "reach": 1.0},
    }
    summary: CalibrateSummary = {
        "match": "style",
        "cells": 8,
        "people": {"dev": 8, "test": 8},
        "judge_accuracy": 0.5,
        "styles": {"cam-print": style, "cam-replay": {**style, "t0": 30, "keeps_identity": True, "after": None}},
        "before": of,
        "after": of,
    }
    lines = remarks(settings(), summary)
    assert lines[0] == (
        "cam-print: match style, T₀ 60, w 2: reach 0.50, own 1.00, structure 0.90; on test: reach 0.50 before, 1.00 "
        "after; WARNING: no cell keeps the person, see floor"
    )
    assert lines[1] == "cam-replay: match style, T₀ 30, w 2: reach 0.50, own 1.00, structure 0.90"
    assert lines[2] == "T₀ is at an end of grid.t0 for cam-print: a wider grid may find better settings"
    assert lines[3].startswith("WARNING: the judge of style is right on only 50% of the real guides")
    assert len(lines) == 4


@pytest.mark.usefixtures("here")
def test_a_style_that_a_student_was_not_taught_is_refused(settings: Settings, tmp_path: Path) -> None:
    config = settings()
    pipeline = SpoofPipeline.from_pretrained(config.inputs.generator)
    taught = {"t0": [10, 60], "cfg_scale": [1.0, 4.0], "styles": ["cam-print"], "match": "style"}
    network = {name: value for name, value in pipeline.unet.config.items() if not name.startswith("_")}
    student = SpoofStudent(network, "0" * 64, **taught)
    SpoofPipeline(pipeline.unet, pipeline.style_encoder, student=student).save_pretrained(tmp_path / "student")
    shutil.copytree(Path(config.inputs.generator) / "style_statistics", tmp_path / "student" / "style_statistics")
    inputs = {**dict(config.inputs), "generator": f"{tmp_path}/student"}
    sampler = {"preset": "student", "match": "style", "t0": [10, 60], "cfg_scale": [1.0, 2.0], "batch_size": 4}
    grid = {"match": ["style"], "t0": [10, 60], "cfg_scale": [1.0, 4.0]}
    with pytest.raises(UserError, match="was not taught style 'cam-replay'; it knows cam-print"):
        run(settings(inputs=inputs, sampler=sampler, grid=grid))
    with pytest.raises(UserError, match=r"a cell of grid: sampler\.match none: .* was taught with match style"):
        run(settings(inputs=inputs, sampler=sampler, grid={**grid, "match": ["none", "style"]}))
    assert not Path(config.out).exists()
    assert run(settings(inputs=inputs, sampler=sampler, grid=grid, styles=("cam-print",)))["match"] == "style"


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_judge_of_the_very_people_is_refused_in_one_line(
    split: str, settings: Settings, calibration_inputs: dict[str, str], tmp_path: Path
) -> None:
    judge = tmp_path / "judge"
    shutil.copytree(calibration_inputs["judge"], judge)
    digest = Corpus(calibration_inputs["live"]).digest

    def learned_from(split: str) -> None:
        claim = {"job": "fit-judge", "fingerprint": "0" * 64, "identity": {"corpus": digest, "split": split}}
        (judge / "run.json").write_text(json.dumps({**claim, "config": {}, "software": {}, "code": {}}))

    learned_from(split)
    config = settings(inputs={**calibration_inputs, "judge": str(judge)})
    with pytest.raises(UserError, match=f"^inputs.judge {judge} learned from split '{split}' of .*fit it on others"):
        run(config)
    assert not Path(config.out).exists()
    learned_from("train")
    calibrate._identity(config, Corpus(config.inputs.live), Corpus(config.inputs.guides))
