"""The generator's recipe without Ray: held-out subjects, the average's best weights, resuming to the bit."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks.corpora import NoConfig
from difffas import objective
from difffas.classifier import SpoofClassifier
from difffas.errors import UserError
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet
from factory.core.config import build
from factory.corpus import Corpus
from factory.models.load import load_style_encoder, model_digest
from factory.models.tensors import to_tensor
from factory.run import Run, read_claim
from factory.storage import Storage
from factory.train import Evaluation, WorkerSettings
from factory.train.batches import share
from factory.train.checkpoints import Course, load, save
from factory.train.loop import _evaluate, prepare, take_step
from factory.train.recipes.generator import (
    FitGeneratorConfig,
    GeneratorRecipe,
    check_network,
    draw_by_counter,
    run,
    starting_point,
)
from tests.factory.train.recipes.small import TRAIN, generator_given, generator_settings
from tests.gloo import NETWORK
from tests.told import told


def test_generator_is_judged_by_its_average_and_shows_samples(root: Path) -> None:
    given = generator_settings(root)
    fit = prepare(GeneratorRecipe(given), given, torch.device("cpu"))
    before = fit.recipe.evaluate()
    with torch.no_grad():
        fit.network.conv_out.bias.fill_(9.0)  # type: ignore[union-attr, operator]
    assert fit.recipe.evaluate().figures == before.figures
    fit.recipe.updated()
    after = fit.recipe.evaluate()
    assert before.score is not None
    assert after.score == -after.figures["all"] < before.score
    assert set(before.figures) == {"000-199", "200-399", "400-599", "600-799", "800-999", "all"}
    assert before.images["samples"].shape == (2 * 32, 5 * 32, 3)
    assert fit.network.training


def test_the_best_weights_of_the_average_are_kept_and_survive_a_checkpoint(root: Path, tmp_path: Path) -> None:
    given = generator_settings(root, train={**TRAIN, "patience": 1})
    fit = prepare(GeneratorRecipe(given), given, torch.device("cpu"))
    read, course = fit.recipe.reader(0, 1), Course()
    for step, better in enumerate((True, False)):
        take_step(fit, read(step), step)
        course.step = step + 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fit.recipe, "evaluate", lambda better=better: Evaluation({}, score=float(better)))
            _evaluate(fit, course, None)
        if better:
            wanted = {name: value.clone() for name, value in fit.recipe.modules["average"].state_dict().items()}
    assert (course.best_step, course.since_best) == (1, 1)
    last = fit.recipe.modules["average"].state_dict()
    assert not all(torch.equal(value, last[name]) for name, value in wanted.items())
    save(tmp_path, fit.modules, fit.optimiser, course, True)
    again = prepare(GeneratorRecipe(given), given, torch.device("cpu"), fresh=False)
    assert load(tmp_path, again.modules, again.optimiser).best_step == 1
    for name, value in again.modules["best"].state_dict().items():
        assert torch.equal(value, wanted[name]), name


def test_dropout_learned_variance_batch_norm_and_the_average_resume_to_the_bit(root: Path, tmp_path: Path) -> None:
    network = {**NETWORK, "dropout": 0.3, "out_channels": 6, "condition_norm": "batch"}

    def begun(seed: int = 0, fresh: bool = True) -> Any:
        train = {**TRAIN, "seed": seed}
        own = {"network": network, "train": train, "live_dropout": True, "style_dropout": 0.5, "ema_decay": 0.5}
        given = generator_settings(root, **own)
        return prepare(GeneratorRecipe(given), given, torch.device("cpu"), fresh=fresh)

    def trained(fit: Any, first: int, last: int) -> dict[str, torch.Tensor]:
        read = fit.recipe.reader(0, 1)
        for step in range(first, last):
            assert take_step(fit, read(step), step).guilty == []
        named = ((f"{of}.{name}", value) for of, m in fit.modules.items() for name, value in m.state_dict().items())
        return {name: value.clone() for name, value in named}

    whole, half = trained(begun(), 0, 4), begun()
    trained(half, 0, 2)
    save(tmp_path, half.modules, half.optimiser, Course(step=2, updates=2), True)
    again = begun(fresh=False)
    again.recipe.resumed(load(tmp_path, again.modules, again.optimiser).updates)
    torch.rand(7)  # what else drew meanwhile does not matter
    resumed = trained(again, 2, 4)
    other = trained(begun(seed=1), 0, 4)
    assert resumed.keys() == whole.keys()
    assert [name for name, value in whole.items() if not torch.equal(value, resumed[name])] == []
    moved = "average.middle_fusion.condition_norm.running_mean"
    assert not torch.equal(whole[moved], whole[moved.replace("average", "network")])  # averaged, not copied
    assert not torch.equal(whole[moved], other[moved])


def test_the_average_copies_the_network_as_long_as_it_is_told(root: Path) -> None:
    given = generator_settings(root, ema_copy_steps=2, ema_decay=0.5)
    fit = prepare(GeneratorRecipe(given), given, torch.device("cpu"))
    read, alike = fit.recipe.reader(0, 1), []
    for step in range(3):
        take_step(fit, read(step), step)
        network, average = (fit.modules[name].state_dict() for name in ("network", "average"))
        alike.append(all(torch.equal(value, average[name]) for name, value in network.items()))
    assert alike == [True, True, False]


def test_settings_of_the_release_are_left_out_where_they_are_not_used(root: Path) -> None:
    plain = build(FitGeneratorConfig, generator_given(root))
    assert not {"ema_copy_steps", "mirror"} & plain.model_dump(mode="json").keys()
    own = build(FitGeneratorConfig, {**generator_given(root), "ema_copy_steps": 0, "mirror": False})
    assert own.model_dump(mode="json", include={"ema_copy_steps", "mirror"}) == {"ema_copy_steps": 0, "mirror": False}
    settings = told(own)
    first, *others = (GeneratorRecipe(each).reader(0, 1)(0)["live"] for each in (settings, told(plain)))
    assert not all((first == other).all() for other in others), "half of them are mirrored"


def test_statistics_of_the_guides_are_taken_once(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = generator_settings(root)
    first = start(given)
    save(tmp_path, first.modules, first.optimiser, Course(), True)
    monkeypatch.setattr("difffas.style_encoder.feature_statistics", None)
    again = prepare(GeneratorRecipe(given), given, torch.device("cpu"), fresh=False)
    load(tmp_path, again.modules, again.optimiser)
    known = [name for name in first.network.state_dict() if name.endswith(("running_mean", "running_var"))]
    assert known
    for module in again.recipe.modules.values():
        for name in known:
            assert torch.equal(module.state_dict()[name], first.network.state_dict()[name])
            assert module.state_dict()[name].unique().numel() > 1  # not those of a norm that has seen nothing


def test_generator_goes_on_from_a_model_folder(root: Path, tmp_path: Path) -> None:
    first = start(generator_settings(root))
    read = first.recipe.reader(0, 1)
    for step in range(3):
        take_step(first, read(step), step)
    first.recipe.export(tmp_path)
    given = {name: value for name, value in generator_given(root).items() if name not in ("network", "style_encoder")}
    config = build(FitGeneratorConfig, {**given, "initial": str(tmp_path)})
    started, known = starting_point(config)
    assert known["network"] == first.recipe._config.network.model_dump(mode="json")
    assert started.network.dropout == 0.0
    again = start(told(started))
    average = first.recipe.modules["average"].state_dict()
    for module in again.recipe.modules.values():
        for name, tensor in module.state_dict().items():
            torch.testing.assert_close(tensor, average[name], rtol=0, atol=0)
    assert again.recipe.evaluate().figures == first.recipe.evaluate().figures
    again.recipe.updated()  # an average of the weights from the start, not a copy of the first ones
    take_step(again, read(3), 3)
    moved, present = again.recipe.modules["average"].state_dict(), again.network.state_dict()
    assert any(not torch.equal(moved[name], present[name]) for name in moved)


def test_a_model_goes_on_with_another_encoder(root: Path, tmp_path: Path) -> None:
    start(generator_settings(root)).recipe.export(tmp_path / "model")
    write_encoder(tmp_path / "own", channels=(8, 8, 8, 8))
    given = {name: value for name, value in generator_given(root).items() if name != "network"}
    own = {**given, "initial": f"{tmp_path}/model", "style_encoder": f"{tmp_path}/own"}
    config = build(FitGeneratorConfig, own)
    started, known = starting_point(config)
    assert known["initial"] == model_digest(Storage(f"{tmp_path}/model"))
    assert known["style_encoder"] == read_claim(Storage(f"{tmp_path}/own"))["fingerprint"]
    check_network(started)
    fit = start(told(started))
    # The statistics are those that a training from the start would take with this encoder, all else is the model's.
    fresh = start(generator_settings(root, style_encoder=f"{tmp_path}/own"))
    statistics = {name for name in fresh.network.state_dict() if name.endswith(("running_mean", "running_var"))}
    initial = SpoofUNet.from_pretrained(tmp_path / "model" / "unet").state_dict()
    assert statistics and any(not torch.equal(initial[name], fresh.network.state_dict()[name]) for name in statistics)
    for module in fit.recipe.modules.values():
        for name, tensor in module.state_dict().items():
            assert torch.equal(tensor, (fresh.network.state_dict() if name in statistics else initial)[name]), name
    fit.recipe.export(tmp_path / "made")
    assert load_style_encoder(f"{tmp_path}/made").styles == ("lab-mask", "lab-live", "lab-print")


def test_an_encoder_of_other_widths_is_refused_by_name(root: Path, tmp_path: Path) -> None:
    start(generator_settings(root)).recipe.export(tmp_path / "model")
    write_encoder(tmp_path / "own", channels=(8, 8, 8, 16))
    given = {name: value for name, value in generator_given(root).items() if name != "network"}
    own = {**given, "initial": f"{tmp_path}/model", "style_encoder": f"{tmp_path}/own"}
    started, _ = starting_point(build(FitGeneratorConfig, own))
    with pytest.raises(UserError, match=r"own is \[8, 8, 16\] channels wide .* or fit one with initial=.*/model$"):
        check_network(started)


def test_a_judge_sees_the_finished_model_and_enters_the_fingerprint(root: Path, tmp_path: Path) -> None:
    styles = sorted(set(Corpus(f"{root}/real").column("style")))
    for name, live in (("judge", styles[:1]), ("other", styles[1:2])):
        SpoofClassifier(styles, live, backbone="test_resnet").save(tmp_path / name / "classifier")
    given = generator_given(root)

    def started(**evaluation: Any) -> tuple[FitGeneratorConfig, Any]:
        own = {
            **given,
            "train": {**TRAIN, "evaluate_every": None},
            "evaluation": {**given["evaluation"], **evaluation},
        }
        return starting_point(build(FitGeneratorConfig, own))

    config, known = started(judge=f"{tmp_path}/judge")
    recipe = start(told(config)).recipe
    assert recipe.export(tmp_path / "model")["judged"]["spoofs"] == 3
    assert known["evaluation"] != started(judge=f"{tmp_path}/other")[1]["evaluation"]
    plain, facts = started()
    assert "judge" not in plain.model_dump()["evaluation"] and "evaluation" not in facts
    figures = start(told(plain)).recipe.export(tmp_path / "plain")
    assert "judged" not in figures
    assert figures["pairs"] == {"capture": 16, "sitting": 0, "subject": 0}


def write_encoder(folder: Path, channels: tuple[int, int, int, int]) -> None:
    Run(str(folder), "fit-style", {"styles": "other"}, NoConfig())
    torch.manual_seed(7)
    encoder = StyleEncoder(["lab-mask", "lab-live", "lab-print"], 8, channels, (1, 1, 1, 1))
    encoder.save_pretrained(folder / "style_encoder")


def start(settings: WorkerSettings[FitGeneratorConfig]) -> Any:
    return prepare(GeneratorRecipe(settings), settings, torch.device("cpu"))


@pytest.mark.parametrize("pairs", [{}, {"self_pairs": 1.0, "shifted_noise": 1.0}])
def test_the_loss_is_of_the_samples_that_the_settings_ask_for(
    root: Path, monkeypatch: pytest.MonkeyPatch, pairs: dict[str, float]
) -> None:
    given = generator_settings(root, pairs=pairs)
    recipe = GeneratorRecipe(given)
    batch, counters = recipe.reader(0, 1)(0), share(0, given.train.batch_size, 0, 1)
    seen: list[Any] = []
    monkeypatch.setattr(objective, "training_loss", lambda *args: seen.append(args) or SimpleNamespace(total=None))
    recipe.loss(recipe.network, batch, counters)
    _, _, spoof, condition, guide, draw, weighting = seen[0]
    assert weighting == "noise"
    live = to_tensor(batch["live"])
    assert torch.equal(spoof, to_tensor(batch["spoof"])) and torch.equal(guide, to_tensor(batch["guide"]))
    plain = draw_by_counter(counters, tuple(spoof.shape[1:]), given.config, given.train.seed)
    others = (condition != live).flatten(1).any(1), (draw.noise != plain.noise).flatten(1).any(1)
    assert [bool(found.all()) for found in others] == [bool(pairs)] * 2
    assert [bool(found.any()) for found in others] == [bool(pairs)] * 2


def test_self_pairs_change_the_fingerprint_and_the_papers_pairs_do_not(root: Path) -> None:
    given = generator_given(root)
    plain, none, own = (
        build(FitGeneratorConfig, {**given, **pairs}).model_dump(mode="json")
        for pairs in ({}, {"pairs": {"self_pairs": 0.0}}, {"pairs": {"self_pairs": 0.5}})
    )
    assert plain == none != own and "pairs" not in plain


def test_the_papers_weights_of_errors_keep_the_fingerprint_and_others_enter_it_and_the_loss(root: Path) -> None:
    given = generator_given(root)
    plain, none, other = (
        build(FitGeneratorConfig, {**given, **weighting}).model_dump(mode="json")
        for weighting in ({}, {"weighting": "noise"}, {"weighting": "velocity"})
    )
    assert plain == none != other and "weighting" not in plain
    losses = []
    for weighting in ("noise", "velocity"):
        settings = generator_settings(root, weighting=weighting)
        recipe = GeneratorRecipe(settings)
        batch, counters = recipe.reader(0, 1)(0), share(0, settings.train.batch_size, 0, 1)
        losses.append(recipe.loss(recipe.network, batch, counters).item())
    assert losses[1] > losses[0]


def test_a_judge_that_learned_from_the_held_out_people_is_refused(root: Path, tmp_path: Path) -> None:
    corpus = Corpus(f"{root}/real")
    styles = sorted(set(corpus.column("style")))
    SpoofClassifier(styles, styles[:1], backbone="test_resnet").save(tmp_path / "judge" / "classifier")
    claim = {"job": "fit-judge", "fingerprint": "0" * 64, "identity": {"corpus": corpus.digest, "split": "dev"}}
    (tmp_path / "judge" / "run.json").write_text(json.dumps({**claim, "config": {}, "software": {}, "code": {}}))
    given = generator_given(root)
    given = {**given, "out": f"{tmp_path}/out", "evaluation": {**given["evaluation"], "judge": f"{tmp_path}/judge"}}
    with pytest.raises(
        UserError, match=r"^evaluation\.judge .*/judge learned from split 'dev' of .*/real, whose people"
    ):
        run(build(FitGeneratorConfig, given))
    assert not (tmp_path / "out").exists()
