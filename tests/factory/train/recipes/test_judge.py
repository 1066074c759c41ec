"""The judge's recipe without Ray: it learns, and says how often it is right on held-out people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from difffas.classifier import SpoofClassifier
from difffas.errors import UserError
from factory.core.config import build
from factory.corpus import Corpus
from factory.models.tensors import to_tensor
from factory.train import WorkerSettings
from factory.train.loop import prepare, take_step
from factory.train.recipes.judge import FitJudgeConfig, JudgeObjective, run
from factory.train.recipes.labels import LabelRecipe
from factory.train.recipes.style import train_styles
from tests.factory.train.recipes.small import CPU, TRAIN
from tests.told import told


def config(root: Path, **own: Any) -> FitJudgeConfig:
    given = {"corpus": f"{root}/real", "out": f"{root}/judge", "backbone": "test_resnet", "train": TRAIN}
    return build(FitJudgeConfig, {**given, "resources": CPU, **own})


def settings(root: Path) -> WorkerSettings[FitJudgeConfig]:
    return told(config(root), train_styles(Corpus(f"{root}/real"), "train"))


def test_it_learns_and_is_judged_on_held_out_people(root: Path, tmp_path: Path) -> None:
    given = settings(root)
    recipe = LabelRecipe(JudgeObjective(given), given.train)
    fit = prepare(recipe, given, torch.device("cpu"))
    read = recipe.reader(0, 1)
    losses = [float(take_step(fit, read(step), step).loss) for step in range(6)]
    assert np.isfinite(losses).all()
    found = recipe.evaluate()
    exported = recipe.export(tmp_path)
    assert exported["styles"] == list(given.styles) and exported["accuracy"] == found.figures["accuracy"]
    judge, real = SpoofClassifier.load(tmp_path / "classifier"), Corpus(f"{root}/real")
    held_out = real.where(split="dev")
    with torch.no_grad():
        chosen = judge(to_tensor(real.pixels(held_out))).argmax(dim=1)  # type: ignore[union-attr]
    right = np.array(judge.styles)[chosen] == real.column("style")[held_out]
    assert found.figures["accuracy"] == pytest.approx(right.mean())
    assert found.score is not None
    assert right.mean() < found.score < right.mean() + 1 / len(held_out)  # a row more counts above any cross-entropy
    assert found.figures["worst_style"] <= found.figures["accuracy"]


def test_the_same_counters_see_the_same_augmentation(root: Path) -> None:
    given = settings(root)
    objective = JudgeObjective(given)
    network = objective.network.eval()
    images, labels = to_tensor(Corpus(f"{root}/real").pixels(range(4))), torch.zeros(4, dtype=torch.int64)
    first, again, other = (
        float(objective.loss(network, images, labels, np.arange(start, start + 4)).detach()) for start in (0, 0, 4)
    )
    assert first == again != other


def test_people_to_be_judged_by_must_be_others(root: Path) -> None:
    with pytest.raises(UserError, match="held_out is 'train', the split that is trained on"):
        run(config(root, held_out="train"))
    with pytest.raises(UserError, match="split 'nobody' has no row"):
        run(config(root, held_out="nobody"))
