"""The style encoder's recipe without Ray: its labels, and its look at held-out subjects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from difffas.errors import UserError
from difffas.style_encoder import StyleEncoder
from factory.core.config import build
from factory.corpus import Corpus
from factory.models.load import encoder_digest
from factory.models.tensors import to_tensor
from factory.storage import Storage
from factory.train.loop import prepare, take_step
from factory.train.recipes.style import FitStyleConfig, starting_point, style_recipe, train_styles
from tests.factory.train.recipes.small import TRAIN, style_settings
from tests.told import told


def test_style_labels_are_those_of_the_images(root: Path) -> None:
    recipe = style_recipe(style_settings(root))
    batch = recipe.reader(0, 1)(3)
    corpus = Corpus(f"{root}/real")
    style = dict(zip(corpus.column("key"), corpus.column("style"), strict=True))
    styles = train_styles(corpus, "train")
    assert [styles[label] for label in batch["label"]] == [style[key] for (key,) in batch["keys"]]


def test_an_encoder_starts_from_one_with_other_classes(root: Path, tmp_path: Path) -> None:
    initial = StyleEncoder(["lab-mask", "cam-print"], 8, (8, 8, 8, 16), (1, 2, 1, 1))
    initial(torch.randn(8, 3, 32, 32))
    initial.save_pretrained(tmp_path / "style_encoder")
    given = {"corpus": f"{root}/real", "out": f"{tmp_path}/out", "train": TRAIN, "initial": str(tmp_path)}
    started, known = starting_point(build(FitStyleConfig, given))
    assert known == {
        "initial": encoder_digest(Storage(str(tmp_path))),
        "network": {"stem_channels": 8, "channels": [8, 8, 8, 16], "depths": [1, 2, 1, 1]},
    }
    styles = train_styles(Corpus(f"{root}/real"), "train")
    recipe: Any = style_recipe(told(started, styles))
    network = recipe.objective.network
    assert list(network.styles) == styles and len(styles) != 2
    images = torch.randn(2, 3, 32, 32)
    (features, logits), (wanted, before) = network.eval()(images), initial.eval()(images)
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(features, wanted, strict=True))
    torch.testing.assert_close(logits[:, styles.index("cam-print")], before[:, 1])
    assert all(parameter.requires_grad for parameter in network.parameters())
    with pytest.raises(UserError, match="network is that of the initial style encoder: leave it out"):
        build(FitStyleConfig, {**given, "network": {"stem_channels": 8}})


def test_without_initial_a_configuration_is_what_it_was_before_initial_existed(root: Path) -> None:
    given = {"corpus": "faces", "out": "style", "train": TRAIN}
    assert set(build(FitStyleConfig, given).model_dump()) == {
        *("corpus", "protocol", "out", "split", "held_out", "network", "train", "resources")
    }
    config = build(FitStyleConfig, given)
    assert starting_point(config) == (config, {})


def test_style_encoder_scores_its_accuracy_on_held_out_subjects(root: Path) -> None:
    given = style_settings(root)
    fit = prepare(style_recipe(given), given, torch.device("cpu"))
    read = fit.recipe.reader(0, 1)
    for step in range(2):
        take_step(fit, read(step), step)
    found = fit.recipe.evaluate()
    real = Corpus(f"{root}/real")
    held_out = real.where(split="dev")
    labels = torch.tensor([given.styles.index(style) for style in real.column("style")[held_out]])
    recipe: Any = fit.recipe
    objective = recipe.objective
    with torch.no_grad():
        _, logits = objective.network.eval()(to_tensor(real.pixels(held_out)))
    accuracy = (logits.argmax(dim=1) == labels).double().mean().item()
    cross_entropy = torch.nn.functional.cross_entropy(logits, labels).item()
    assert found.figures == {"accuracy": accuracy, "cross_entropy": pytest.approx(cross_entropy, rel=1e-5)}
    assert found.score is not None
    assert accuracy < found.score < accuracy + 1 / len(held_out)  # a row more counts above any cross-entropy
    worse = {"accuracy": accuracy, "cross_entropy": 2 * cross_entropy}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective, "_judged", lambda network, device: worse)
        later = fit.recipe.evaluate().score
    assert later is not None
    assert later < found.score


def test_images_stay_as_they_are_without_vary(root: Path, tmp_path: Path) -> None:
    seen: list[torch.Tensor] = []

    def network(images: torch.Tensor) -> tuple[None, torch.Tensor]:
        seen.append(images)
        return None, torch.zeros(len(images), 2)

    images, labels = torch.rand(2, 3, 32, 32), torch.tensor([0, 1])
    for vary in (False, True):
        given = {"corpus": f"{root}/real", "out": f"{tmp_path}/out", "train": TRAIN, "vary": vary}
        config = build(FitStyleConfig, given)
        recipe: Any = style_recipe(told(config, train_styles(Corpus(f"{root}/real"), "train")))
        recipe.objective.loss(network, images, labels, np.arange(2))
    assert torch.equal(seen[0], images) and not torch.equal(seen[1], images)
