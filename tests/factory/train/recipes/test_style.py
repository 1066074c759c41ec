"""The style encoder's recipe without Ray: its labels, and its look at held-out subjects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from factory.corpus import Corpus
from factory.models.tensors import to_tensor
from factory.train.loop import prepare, take_step
from factory.train.recipes.style import style_recipe, train_styles
from tests.factory.train.recipes.small import style_settings


def test_style_labels_are_those_of_the_images(root: Path) -> None:
    recipe = style_recipe(style_settings(root))
    batch = recipe.reader(0, 1)(3)
    corpus = Corpus(f"{root}/real")
    style = dict(zip(corpus.column("key"), corpus.column("style"), strict=True))
    styles = train_styles(corpus, "train")
    assert [styles[label] for label in batch["label"]] == [style[key] for (key,) in batch["keys"]]


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
