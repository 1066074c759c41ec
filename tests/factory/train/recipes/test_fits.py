"""The three recipes without Ray: what they read, how they look at held-out subjects, what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.corpora import row, small_rows, write_corpus
from difffas.classifier import SpoofClassifier
from factory.core.config import build
from factory.corpus import Corpus
from factory.models.tensors import to_tensor
from factory.train import Evaluation
from factory.train.checkpoints import Course, load, save
from factory.train.loop import _evaluate, prepare, take_step
from factory.train.recipes.classifier import ClassifierRecipe, FitClassifierConfig
from factory.train.recipes.generator import FitGeneratorConfig, GeneratorRecipe, starting_point
from factory.train.recipes.style import FitStyleConfig, StyleRecipe, train_styles
from tests.gloo import NETWORK, write_style_folder

TRAIN = {"steps": 10, "batch_size": 8, "learning_rate": 1e-2, "evaluate_every": 2}
CPU = {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0}


@pytest.fixture(scope="module")
def root(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("fits")
    write_corpus(folder / "real", small_rows(subjects=4, splits=("train", "dev")))
    write_style_folder(folder / "style")
    return folder


def style_settings(root: Path) -> dict[str, Any]:
    network = {"stem_channels": 8, "channels": [8, 8, 8, 8], "depths": [1, 1, 1, 1]}
    given = {"corpus": f"{root}/real", "out": f"{root}/out", "network": network, "train": TRAIN, "resources": CPU}
    styles = train_styles(Corpus(f"{root}/real"), "train")
    return {**build(FitStyleConfig, given).model_dump(mode="json"), "styles": styles}


def generator_given(root: Path) -> dict[str, Any]:
    return {
        "corpus": f"{root}/real",
        "style_encoder": f"{root}/style",
        "out": f"{root}/out",
        "network": NETWORK,
        "train": TRAIN,
        "evaluation": {"samples": 3, "grid_rows": 2, "grid_steps": 2},
        "resources": CPU,
    }


def test_style_labels_are_those_of_the_images(root: Path) -> None:
    recipe = StyleRecipe(style_settings(root))
    batch = recipe.reader(0, 1)(3)
    corpus = Corpus(f"{root}/real")
    style = dict(zip(corpus.column("key"), corpus.column("style"), strict=True))
    styles = train_styles(corpus, "train")
    assert [styles[label] for label in batch["label"]] == [style[key] for (key,) in batch["keys"]]


def test_style_encoder_scores_its_accuracy_on_held_out_subjects(root: Path) -> None:
    given = style_settings(root)
    fit = prepare(StyleRecipe(given), given, torch.device("cpu"))
    read = fit.recipe.reader(0, 1)
    for step in range(2):
        take_step(fit, read(step), step)
    found = fit.recipe.evaluate()
    real = Corpus(f"{root}/real")
    held_out = real.where(split="dev")
    labels = torch.tensor([given["styles"].index(style) for style in real.column("style")[held_out]])
    recipe: Any = fit.recipe
    with torch.no_grad():
        _, logits = recipe.network.eval()(to_tensor(real.pixels(held_out)))
    accuracy = (logits.argmax(dim=1) == labels).double().mean().item()
    cross_entropy = torch.nn.functional.cross_entropy(logits, labels).item()
    assert found.figures == {"accuracy": accuracy, "cross_entropy": pytest.approx(cross_entropy, rel=1e-5)}
    assert found.score is not None
    assert accuracy < found.score < accuracy + 1 / len(held_out)  # a row more counts above any cross-entropy
    worse = {"accuracy": accuracy, "cross_entropy": 2 * cross_entropy}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit.recipe, "_judged", lambda network: worse)
        later = fit.recipe.evaluate().score
    assert later is not None
    assert later < found.score


def test_generator_is_judged_by_its_average_and_shows_samples(root: Path) -> None:
    given = build(FitGeneratorConfig, generator_given(root)).model_dump(mode="json")
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
    given = build(FitGeneratorConfig, generator_given(root)).model_dump(mode="json")
    given["train"]["patience"] = 1
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
        given = build(FitGeneratorConfig, {**generator_given(root), **own}).model_dump(mode="json")
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


def test_statistics_of_the_guides_are_taken_once(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = build(FitGeneratorConfig, generator_given(root)).model_dump(mode="json")
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
    first = start(build(FitGeneratorConfig, generator_given(root)).model_dump(mode="json"))
    read = first.recipe.reader(0, 1)
    for step in range(3):
        take_step(first, read(step), step)
    first.recipe.export(tmp_path)
    given = {name: value for name, value in generator_given(root).items() if name not in ("network", "style_encoder")}
    config = build(FitGeneratorConfig, {**given, "initial": str(tmp_path)})
    places, known = starting_point(config)
    assert known["network"]["dropout"] == 0.0
    again = start({**config.model_dump(mode="json"), **places})
    average = first.recipe.modules["average"].state_dict()
    for module in again.recipe.modules.values():
        for name, tensor in module.state_dict().items():
            torch.testing.assert_close(tensor, average[name], rtol=0, atol=0)
    assert again.recipe.evaluate().figures == first.recipe.evaluate().figures
    again.recipe.updated()  # an average of the weights from the start, not a copy of the first ones
    take_step(again, read(3), 3)
    moved, present = again.recipe.modules["average"].state_dict(), again.network.state_dict()
    assert any(not torch.equal(moved[name], present[name]) for name in moved)


def start(settings: dict[str, Any]) -> Any:
    return prepare(GeneratorRecipe(settings), settings, torch.device("cpu"))


def test_classifier_reads_real_and_generated_rows_under_one_numbering(root: Path) -> None:
    rows = [row(n, key=f"made-{n}", attack="print", label=1, t0=100 * n, cfg_scale=1.0) for n in range(4)]
    made = write_corpus(root / "made", rows)
    given = {
        "corpus": f"{root}/real",
        "generated": f"{root}/made",
        "generated_rows": {"t0": [100, 200]},
        "out": f"{root}/out",
        "backbone": "resnet18",
        "train": {**TRAIN, "evaluate_every": None},
        "resources": CPU,
    }
    settings = build(FitClassifierConfig, given).model_dump(mode="json")
    real = Corpus(f"{root}/real")
    styles = train_styles(real, "train")
    recipe = ClassifierRecipe({**settings, "styles": styles})
    known = {
        key: (style, brisque)
        for corpus in (real, made)
        for key, style, brisque in zip(*map(corpus.column, ("key", "style", "brisque")), strict=True)
    }
    seen = set()
    for step in range(8):
        batch = recipe.reader(0, 1)(step)
        for (key,), label, brisque in zip(batch["keys"], batch["label"], batch["brisque"], strict=True):
            seen.add(key)
            assert styles[label] == known[key][0]
            np.testing.assert_equal(brisque, np.float64(known[key][1]))
    recipe.export(root / "exported")
    assert SpoofClassifier.load(root / "exported" / "classifier").image_size == 32
    train = {key for key, split in zip(real.column("key"), real.column("split"), strict=True) if split == "train"}
    assert seen == train | {"made-1", "made-2"}


def test_what_is_sent_to_the_readers_is_small(root: Path) -> None:
    """A reader is pickled for its own process: one that holds its recipe would take the network along."""
    from ray import cloudpickle

    generator = build(FitGeneratorConfig, generator_given(root)).model_dump(mode="json")
    for recipe in (StyleRecipe(style_settings(root)), GeneratorRecipe(generator)):
        sent = cloudpickle.dumps(recipe.reader(0, 1))
        assert b"torch" not in sent
        assert len(sent) < 50_000
