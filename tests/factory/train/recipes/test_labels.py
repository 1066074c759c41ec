"""The half that fit-style and fit-classifier share, with an objective of one layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from factory.corpus import Corpus
from factory.train import Evaluation, ModelFigures, TrainConfig
from factory.train.batches import Shuffled, flips, share
from factory.train.recipes.labels import Images, LabelRecipe, ranked

TRAIN = TrainConfig(steps=1, batch_size=6, learning_rate=1.0, seed=3)


class Brightness:
    """Learns nothing; its loss shows what it was given."""

    def __init__(self, corpus: Corpus) -> None:
        self.network = torch.nn.Linear(1, 1)
        labels = corpus.column("label").astype(np.int64)
        self.images = Images([corpus], Shuffled(corpus.where(split="train"), TRAIN.seed), {"label": labels})

    def loss(
        self, network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, counters: np.ndarray
    ) -> torch.Tensor:
        return images.mean() + labels.sum() + int(counters[0])

    def evaluate(self, device: torch.device) -> Evaluation:
        return Evaluation({}, score=float(device.type == "cpu"))

    def export(self, folder: Path, device: torch.device) -> ModelFigures:
        return {"parameters": 2}


def test_an_objective_is_given_images_labels_and_counters(root: Path) -> None:
    corpus = Corpus(f"{root}/real")
    objective = Brightness(corpus)
    recipe = LabelRecipe(objective, TRAIN)
    counters = share(1, 6, 0, 1)
    positions = objective.images.plan(counters)
    batch = recipe.reader(0, 1)(1)
    pixels = corpus.pixels(positions)
    mirrored = flips(counters, TRAIN.seed)
    pixels[mirrored] = pixels[mirrored, :, ::-1]
    assert np.array_equal(batch["images"], pixels)
    assert batch["label"].tolist() == corpus.column("label")[positions].tolist()
    expected = pixels.mean() / 127.5 - 1 + batch["label"].sum() + 6
    assert float(recipe.loss(objective.network, batch, counters)) == pytest.approx(expected, rel=1e-5)


def test_without_mirroring_images_stay_as_they_are(root: Path) -> None:
    corpus = Corpus(f"{root}/real")
    objective = Brightness(corpus)
    assert flips(share(1, 6, 0, 1), TRAIN.seed).any()
    batch = LabelRecipe(objective, TRAIN, mirror=False).reader(0, 1)(1)
    assert np.array_equal(batch["images"], corpus.pixels(objective.images.plan(share(1, 6, 0, 1))))


def test_a_checkpoint_holds_the_network_alone(root: Path, tmp_path: Path) -> None:
    objective = Brightness(Corpus(f"{root}/real"))
    recipe = LabelRecipe(objective, TRAIN)
    recipe.to(torch.device("cpu"))
    assert recipe.modules == {"network": objective.network}
    assert recipe.evaluate().score == 1.0
    assert recipe.export(tmp_path) == {"parameters": 2}


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0, 1e3), st.floats(0, 1e3))
def test_one_row_more_counts_above_any_cross_entropy(right: int, other: int, mine: float, theirs: float) -> None:
    if right > other or (right == other and mine + 0.01 < theirs):
        assert ranked(right / 50, mine, 50) > ranked(other / 50, theirs, 50)
