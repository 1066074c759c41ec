"""DSDG's recipe: pairs of one person, exact resuming, a folder that generate takes, and refusals before the claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.errors import UserError
from factory.core.config import build
from factory.corpus import Corpus
from factory.models.load import load_people, model_digest
from factory.models.people_sampler import people_facts
from factory.storage import Storage
from factory.train.checkpoints import Course, load, save
from factory.train.loop import prepare, take_step
from factory.train.recipes import dsdg
from factory.train.recipes.dsdg import DsdgRecipe, FitDsdgConfig, noise_by_counter
from tests.told import told

SPOOFS = ("cam-print", "cam-replay", "phone-print", "phone-replay")


def config(root: Path, **own: Any) -> FitDsdgConfig:
    given = {
        "corpus": f"{root}/real",
        "out": f"{root}/dsdg",
        "network": {"channels": [8, 8], "latent": 4},
        "train": {"steps": 4, "batch_size": 4, "learning_rate": 1e-3, "evaluate_every": 2},
        "evaluation": {"samples": 5, "grid_rows": 2},
        "ema_decay": 0.5,
        "resources": {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0},
        **own,
    }
    return build(FitDsdgConfig, given)


@pytest.fixture(scope="module")
def root(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("dsdg")
    write_corpus(folder / "real", small_rows(subjects=4, side=32, splits=("train", "dev")))
    return folder


def test_a_batch_holds_pairs_of_one_person_mirrored_alike_with_the_spoofs_style(root: Path) -> None:
    recipe, real = DsdgRecipe(told(config(root))), Corpus(f"{root}/real")
    places = {key: place for place, key in enumerate(real.column("key"))}
    for step in range(4):
        batch = recipe.reader(0, 1)(step)
        assert batch["live"].shape == batch["spoof"].shape == (4, 32, 32, 3)
        for spoof, live, style, pixels in zip(*batch["keys"].T, batch["style"], batch["spoof"], strict=True):
            mine, theirs = (real.rows([places[key]])[0] for key in (live, spoof))
            assert (mine.label, theirs.label) == (0, 1)
            assert (mine.domain, mine.subject) == (theirs.domain, theirs.subject)
            assert SPOOFS[style] == theirs.style
            stored = real.pixels([places[spoof]])[0]
            assert np.array_equal(pixels, stored) or np.array_equal(pixels, stored[:, ::-1])


def test_it_resumes_to_the_bit_and_two_workers_share_samples_and_noise(root: Path, tmp_path: Path) -> None:
    settings = told(config(root))
    fit = prepare(DsdgRecipe(settings), settings, torch.device("cpu"))
    read = fit.recipe.reader(0, 1)
    for step in range(4):
        if step == 2:
            save(tmp_path, fit.modules, fit.optimiser, Course(step=2, updates=2), True)
        take_step(fit, read(step), step)
    again = prepare(DsdgRecipe(settings), settings, torch.device("cpu"), fresh=False)
    again.recipe.resumed(load(tmp_path, again.modules, again.optimiser).updates)
    for step in (2, 3):
        take_step(again, again.recipe.reader(0, 1)(step), step)
    for name, module in fit.modules.items():
        for key, value in module.state_dict().items():
            assert torch.equal(value, again.modules[name].state_dict()[key]), key
    halves = [fit.recipe.reader(rank, 2)(5)["keys"] for rank in (0, 1)]
    assert np.array_equal(np.concatenate(halves), read(5)["keys"])
    whole = noise_by_counter(np.arange(8), 4, 0)
    assert torch.equal(whole[4:], noise_by_counter(np.arange(4, 8), 4, 0)) and whole.shape == (8, 3, 4)


def test_the_loss_falls_and_held_out_pairs_are_scored(root: Path) -> None:
    settings = told(config(root, train={"steps": 40, "batch_size": 8, "learning_rate": 3e-3}))
    fit = prepare(DsdgRecipe(settings), settings, torch.device("cpu"))
    batch = fit.recipe.reader(0, 1)(0)
    losses = [take_step(fit, batch, 0).loss for _ in range(40)]
    assert losses[-1] < 0.8 * losses[0]
    found = fit.recipe.evaluate()
    assert found.score == -found.figures["total"] and set(found.figures) >= {"reconstruction", "kl", "mmd", "classes"}
    assert found.figures == fit.recipe.evaluate().figures
    assert found.images["samples"].shape == (2 * 32, 6 * 32, 3)


def test_the_folder_names_styles_split_and_size_and_samples(root: Path, tmp_path: Path) -> None:
    settings = told(config(root))
    recipe = DsdgRecipe(settings)
    figures = recipe.export(tmp_path)
    assert figures["parameters"] == sum(parameter.numel() for parameter in recipe.network.parameters())
    storage = Storage(str(tmp_path))
    assert people_facts(storage) == (SPOOFS, "train", 32)
    assert model_digest(storage)
    made = load_people(str(tmp_path), batch_size=2, threads=1)(["cam-print"], np.array([1]))
    assert made.live.shape == (1, 32, 32, 3)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"split": "test"}, "has no row: choose among"),
        ({"held_out": "train"}, "the split that is trained on"),
        ({"held_out": "test"}, r"set held_out to a split that has pairs"),
        ({"network": {"channels": [8] * 6}}, "size 32 must be a multiple of 64"),
        ({"resources": {"accumulate": 2, "gpus_per_worker": 0}}, "leave accumulate out"),
    ],
)
def test_what_cannot_be_fitted_is_refused_before_the_claim(root: Path, settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        dsdg.run(config(root, **settings))
    assert not (root / "dsdg").exists()
