"""The student's recipe: it sees what the teacher saw, to the bit, and its folder makes spoofs in the line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.multiprocessing.spawn import spawn

from benchmarks.corpora import png
from difffas.errors import UserError
from factory import generate, strength
from factory.core.config import build
from factory.corpus import Corpus
from factory.generate import probe
from factory.generate.regenerate import regenerate
from factory.models.load import model_digest
from factory.play.playground import PlayConfig, Playground
from factory.run import read_claim
from factory.storage import Storage
from factory.train import TrainResources, TrainSummary
from factory.train.batches import share
from factory.train.checkpoints import Course, load, save
from factory.train.loop import prepare, take_step
from factory.train.recipes import student as fit_student
from factory.train.recipes.student import StudentRecipe
from tests.ports import free_port
from tests.students import CPU, RANGES, generated, student_config, taught_by_two, teacher_rows, write_teacher
from tests.told import told


@pytest.fixture(scope="module")
def root(tmp_path_factory: Any, in_process: None) -> Path:
    folder: Path = tmp_path_factory.mktemp("student")
    write_teacher(folder)
    generated(folder, "taught")
    return folder


@pytest.fixture(scope="module")
def fitted(root: Path) -> TrainSummary:
    return fit_student.run(student_config(root))


def test_batches_are_not_mirrored_and_name_their_rows(root: Path) -> None:
    recipe = StudentRecipe(told(student_config(root)))
    rows = teacher_rows(root)
    for step in range(3):
        batch = recipe.reader(0, 1)(step)
        for role, pixels in rows.pixels(batch["row"]).items():
            assert np.array_equal(batch[role], pixels)


def test_a_student_resumes_to_the_bit_and_two_workers_share_the_samples(root: Path, tmp_path: Path) -> None:
    settings = told(student_config(root))
    fit = prepare(StudentRecipe(settings), settings, torch.device("cpu"))
    read = fit.recipe.reader(0, 1)
    for step in range(4):
        if step == 2:
            save(tmp_path, fit.modules, fit.optimiser, Course(step=2, updates=2), True)
        take_step(fit, read(step), step)
    again = prepare(StudentRecipe(settings), settings, torch.device("cpu"), fresh=False)
    again.recipe.resumed(load(tmp_path, again.modules, again.optimiser).updates)
    for step in (2, 3):
        take_step(again, again.recipe.reader(0, 1)(step), step)
    for name, module in fit.modules.items():
        for key, value in module.state_dict().items():
            assert torch.equal(value, again.modules[name].state_dict()[key]), key
    halves = [fit.recipe.reader(rank, 2)(5)["row"] for rank in (0, 1)]
    assert np.array_equal(np.concatenate(halves), read(5)["row"])


def test_all_workers_call_the_network_as_often_as_each_other(root: Path) -> None:
    """Every forward exchanges tensors: a worker whose samples lack a second call would leave the others waiting."""
    recipe = StudentRecipe(told(student_config(root, distillation={"second_call": 0.25})))
    calls: list[int] = []
    recipe.network.register_forward_hook(lambda *_: calls.append(1))
    for step, wanted in ((0, [2, 2]), (1, [2, 2])):
        made = []
        for rank in (0, 1):
            calls.clear()
            recipe.loss(recipe.network, recipe.reader(rank, 2)(step), share(step, 4, rank, 2))
            made.append(len(calls))
        assert made == wanted
    seldom = StudentRecipe(told(student_config(root, distillation={"second_call": 0.125})))
    assert [seldom._refines(share(step, 4, 1, 2)) for step in range(4)] == [False, True, False, True]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ddp", pytest.param("fsdp2", marks=pytest.mark.soak)])
def test_two_workers_teach_as_one_does(root: Path, tmp_path: Path, how: str) -> None:
    config = student_config(root)
    settings = told(config)
    fit = prepare(StudentRecipe(settings), settings, torch.device("cpu"))
    alone = [take_step(fit, fit.recipe.reader(0, 1)(step), step).loss for step in range(3)]
    both = told(config.model_copy(update={"resources": build(TrainResources, {**CPU, "workers": 2, "parallel": how})}))
    spawn(taught_by_two, (free_port(), both, str(tmp_path)), nprocs=2)  # type: ignore[no-untyped-call]
    found = json.loads((tmp_path / "losses.json").read_text())
    np.testing.assert_allclose(found["losses"], alone, rtol=1e-4)
    assert found["psnr"] > 0 and found["parameters"] == sum(p.numel() for p in fit.network.parameters())


@pytest.mark.parametrize("second_call", [0.0, 0.5])
def test_the_loss_falls(root: Path, second_call: float) -> None:
    train = {"steps": 30, "batch_size": 4, "learning_rate": 1e-3}
    settings = told(student_config(root, train=train, distillation={"second_call": second_call}))
    fit = prepare(StudentRecipe(settings), settings, torch.device("cpu"))
    batch = fit.recipe.reader(0, 1)(0)
    losses = []
    for _ in range(30):
        losses.append(take_step(fit, batch, 0).loss)
    assert losses[-1] < 0.9 * losses[0]


def test_the_folder_holds_the_teachers_bytes_and_the_student(root: Path, fitted: TrainSummary) -> None:
    teacher, student = Storage(f"{root}/teacher"), Storage(f"{root}/student")
    for part in ("unet", "style_encoder", "scheduler", "style_statistics"):
        for name in teacher.names(part):
            assert teacher.read(f"{part}/{name}") == student.read(f"{part}/{name}")
    config = json.loads(student.read("student/config.json"))
    rows = teacher_rows(root)
    assert config["teacher"] == model_digest(teacher) != model_digest(student)
    assert (config["match"], config["styles"]) == ("style", rows.styles)
    assert {name: tuple(config[name]) for name in RANGES} == RANGES  # those of its corpus's sampler, not of 12 draws
    assert config["calls"] == 2 and config["t0_by_style"] == config["cfg_scale_by_style"] == []
    assert fitted["evaluations"][-1]["psnr"] > 0
    assert "preset='student'" in student.read("README.md").decode()


@pytest.mark.parametrize("preset", ["student", "student-2"])
def test_the_line_makes_spoofs_with_it_again_and_again_to_the_byte(
    root: Path, fitted: TrainSummary, preset: str
) -> None:
    given = line_settings(root, preset, f"spoofs-{preset}")
    generate.run(build(generate.GenerateConfig, given))
    corpus = Corpus(f"{root}/spoofs-{preset}")
    assert set(corpus.column("preset")) == {preset} and set(corpus.column("sampler")) == {"student"}
    assert set(corpus.column("steps")) == {1 if preset == "student" else 2}
    again = regenerate(corpus.storage.url, str(corpus.column("key")[3]), [])
    assert again[1]["equal"]


def line_settings(root: Path, preset: str, out: str, **sampler: Any) -> dict[str, Any]:
    inside = {**RANGES, "match": "style", "batch_size": 4}
    return {
        "inputs": {"live": f"{root}/real", "guides": f"{root}/real", "generator": f"{root}/student"},
        "out": f"{root}/{out}",
        "plan": {"samples": 6},
        "sampler": {"preset": preset, **inside, **sampler},
        "resources": {"gpus_per_generator": 0, "threads": 1},
    }


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        ({"t0": (1, 300)}, r"sampler\.t0 \[1, 300\]: the student of .* was taught"),
        ({"cfg_scale": (2.0, 9.0)}, r"sampler\.cfg_scale \[2, 9\]: the student of .* was taught"),
        ({"by_style": {"cam-print": {"t0": (450, 450)}}}, r"sampler\.by_style\.cam-print\.t0 \[450, 450\]"),
        ({"match": "none"}, "taught with match style; set sampler.match=style"),
    ],
)
def test_what_a_student_was_not_taught_is_refused_before_a_folder_is_claimed(
    root: Path, fitted: TrainSummary, sampler: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        generate.run(build(generate.GenerateConfig, line_settings(root, "student", "refused", **sampler)))
    assert not (root / "refused").exists()


def test_a_style_that_it_was_not_taught_is_refused(root: Path, fitted: TrainSummary, tmp_path: Path) -> None:
    settings = line_settings(root, "student", "refused")
    copy = tmp_path / "student"
    for path in (root / "student").rglob("*"):
        if path.is_file():
            (copy / path.relative_to(root / "student")).parent.mkdir(parents=True, exist_ok=True)
            (copy / path.relative_to(root / "student")).write_bytes(path.read_bytes())
    place = copy / "student" / "config.json"
    config = json.loads(place.read_text())
    place.write_text(json.dumps({**config, "styles": config["styles"][1:]}))
    settings["inputs"]["generator"] = str(copy)
    with pytest.raises(UserError, match=f"was not taught style '{config['styles'][0]}'"):
        generate.run(build(generate.GenerateConfig, settings))
    assert not (root / "refused").exists()


def test_a_generator_without_a_student_is_refused(root: Path) -> None:
    settings = line_settings(root, "student", "refused")
    settings["inputs"]["generator"] = f"{root}/teacher"
    with pytest.raises(UserError, match="has no student; run `difffas fit-student` or use preset balanced"):
        generate.run(build(generate.GenerateConfig, settings))


def test_held_out_people_in_the_training_rows_are_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = student_config(
        root,
        "overlap",
        held_out="train",
        train={"steps": 1, "batch_size": 4, "learning_rate": 1e-3, "evaluate_every": 1},
    )
    fit_student.run(config)
    assert "are in the training rows as well" in capsys.readouterr().err + capsys.readouterr().out


def test_the_claim_names_all_that_it_learned_from(root: Path, fitted: TrainSummary) -> None:
    identity = read_claim(Storage(f"{root}/student"))["identity"]
    corpus = Corpus(f"{root}/taught")
    assert identity["generated"] == identity["held_out_generated"] == corpus.digest
    assert identity["live"] == identity["guides"] == Corpus(f"{root}/real").digest
    assert share(0, 4, 0, 1).tolist() == [0, 1, 2, 3]


@pytest.mark.slow
def test_probe_strength_and_play_take_the_presets(root: Path, fitted: TrainSummary) -> None:
    folder, ranges = f"{root}/student", RANGES
    given: dict[str, Any] = {"generator": folder, "size": 64, "preset": "student", "match": "style", "highest": 2}
    assert probe.run(build(probe.ProbeConfig, given))["preset"] == "student"
    inputs = {"live": f"{root}/real", "guides": f"{root}/real", "generator": folder}
    study = {"inputs": inputs, "out": f"{root}/study", "preset": "student-2", "match": "style", "split": "train"}
    grid = {"t0": ranges["t0"], "cfg_scale": ranges["cfg_scale"], "faces": 4, "resources": {"threads": 1}}
    strength.run(build(strength.StrengthConfig, {**study, **grid}))
    with pytest.raises(UserError, match="was taught"):
        strength.run(build(strength.StrengthConfig, {**study, **grid, "t0": [250, 900], "out": f"{root}/beyond"}))
    with pytest.raises(ValueError, match="sampler.preset student-2 is student in 2 step"):
        build(strength.StrengthConfig, {**study, **grid, "steps": 25})
    small = {"generator": folder, "size": 64, "threads": 1}
    page = Playground(build(PlayConfig, {**small, "sampler": {"match": "style"}}))
    assert page.presets == ("student", "student-2", "balanced", "exact")
    face = png(np.full((64, 64, 3), 90, np.uint8))
    middle = int(np.mean(ranges["t0"])), float(np.mean(ranges["cfg_scale"]))
    _, _, facts = page.spoof(face, face, "cam-print", *middle, 0, "student", "cam")
    assert facts["recipe"]["preset"] == "student"
    unmatched = Playground(build(PlayConfig, small))
    assert unmatched.presets == ("balanced", "exact")


def test_a_study_without_a_preset_keeps_its_identity(root: Path) -> None:
    inputs = {"live": "a", "guides": "a", "generator": "b"}
    assert "preset" not in build(strength.StrengthConfig, {"inputs": inputs, "out": "c"}).model_dump(mode="json")


def test_paths_are_the_drivers_for_the_workers_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker has another working directory: what the page writes as a relative path must reach it whole."""
    given: list[Any] = []
    monkeypatch.setattr(fit_student, "fit", lambda claim, worker, settings: given.append((claim, settings)))
    monkeypatch.chdir(root)
    names = {"teacher": "teacher", "generated": "taught", "held_out_generated": "taught", "live": "real"}
    fit_student.run(student_config(root, "relative", **names, guides="real"))
    (claim, settings), config = given[0], given[0][1].config
    for name, place in {**names, "guides": "real"}.items():
        assert getattr(config, name) == f"{root}/{place}", name
    assert set(settings.corpora) == {"generated", "live", "guides"}
    assert claim.fingerprint == read_claim(Storage(f"{root}/relative"))["fingerprint"]


def test_without_a_second_call_there_is_no_student_2(root: Path, tmp_path: Path) -> None:
    recipe = StudentRecipe(told(student_config(root, distillation={"second_call": 0.0})))
    assert recipe.network.config.calls == 1
    found = recipe.evaluate()
    assert set(found.figures) == {"psnr", "least_psnr"}
    assert found.images["samples"].shape == (2 * 64, 4 * 64, 3)  # live, guide, teacher, one call


def test_the_generator_that_ships_can_teach_by_its_name(root: Path) -> None:
    assert student_config(root, teacher="portrait-64").teacher == "embedded://portrait-64"


def test_a_loss_without_a_term_is_refused(root: Path) -> None:
    with pytest.raises(UserError, match="are all 0: give one of them a weight"):
        student_config(root, distillation={"pixels": 0, "features": 0, "bands": 0})


def test_a_student_is_refused_beside_other_parts(root: Path, fitted: TrainSummary, tmp_path: Path) -> None:
    shutil.copytree(root / "student", tmp_path / "copy")
    statistics = tmp_path / "copy" / "style_statistics" / "statistics.safetensors"
    statistics.unlink()
    with pytest.raises(UserError, match="is the student of another generator than this folder's"):
        model_digest(Storage(f"{tmp_path}/copy"))


def test_play_refuses_a_style_that_it_was_not_taught(root: Path, fitted: TrainSummary, tmp_path: Path) -> None:
    shutil.copytree(root / "student", tmp_path / "copy")
    place = tmp_path / "copy" / "student" / "config.json"
    config = json.loads(place.read_text())
    place.write_text(json.dumps({**config, "styles": [each for each in config["styles"] if each != "cam-print"]}))
    page = Playground(
        build(PlayConfig, {"generator": f"{tmp_path}/copy", "size": 64, "threads": 1, "sampler": {"match": "style"}})
    )
    image = png(np.full((64, 64, 3), 90, np.uint8))
    with pytest.raises(UserError, match="was not taught style 'cam-print'"):
        page.spoof(image, image, "cam-print", 300, 2.0, 0, "student", "cam")
