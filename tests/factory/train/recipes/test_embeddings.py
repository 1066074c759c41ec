"""What a training keeps for Fig. 12: the same rows each time, and a training that does not notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from factory.core.config import build
from factory.corpus import Corpus
from factory.models.tensors import to_tensor
from factory.storage import Storage
from factory.train.loop import _keep, prepare, take_step
from factory.train.recipes.classifier import FitClassifierConfig, classifier_recipe, prepared
from factory.train.recipes.embeddings import ROWS, kept_steps, name_of, read_embeddings, read_rows_file
from tests.pages import scored, spoofs_of


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("embeddings")
    real = scored(small_rows(subjects=4, splits=("train", "dev")))
    write_corpus(root / "real", real)
    write_corpus(root / "spoofs", spoofs_of([r for r in real if r.split == "train"], 24))
    return root


def config(corpora: Path, **given: Any) -> FitClassifierConfig:
    train = {"steps": 3, "batch_size": 8, "learning_rate": 1e-2}
    resources = {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0}
    fit = {"corpus": f"{corpora}/real", "generated": f"{corpora}/spoofs", "out": "unused", "backbone": "test_resnet"}
    return build(FitClassifierConfig, {**fit, "train": train, "resources": resources, "held_out": None, **given})


def trained(config: FitClassifierConfig, out: Path) -> dict[str, torch.Tensor]:
    """The weights after all steps; files are kept in `out` as the loop keeps them."""
    _, settings = prepared(config)
    fit = prepare(classifier_recipe(settings), settings, torch.device("cpu"))
    storage, read = Storage(str(out)), fit.recipe.reader(0, 1)
    _keep(fit, 0, storage)
    for step in range(config.train.steps):
        assert fit.network.training
        take_step(fit, read(step), step)
        _keep(fit, step + 1, storage)
    return {name: value.clone() for name, value in fit.network.state_dict().items()}


def test_keeping_changes_nothing_about_the_training_and_files_are_written_once(corpora: Path, tmp_path: Path) -> None:
    kept = config(corpora, embeddings={"steps": [0, 2, 3], "rows": 16})
    weights, without = trained(kept, tmp_path / "kept"), trained(config(corpora), tmp_path / "none")
    assert all(torch.equal(weights[name], value) for name, value in without.items())
    assert not (tmp_path / "none").exists()
    storage = Storage(str(tmp_path / "kept"))
    assert kept_steps(storage) == [0, 2, 3]
    before = {name: storage.read(name) for name in (ROWS, *map(name_of, (0, 2, 3)))}
    trained(kept, tmp_path / "kept")  # as an attempt after a crash
    assert before == {name: storage.read(name) for name in before}
    first, last = (read_embeddings(storage, step, 16) for step in (0, 3))
    assert np.linalg.norm(last, axis=1) == pytest.approx(np.ones(16), abs=1e-3)
    assert not np.allclose(first, last)


def test_the_rows_are_training_rows_of_both_corpora_and_the_features_are_theirs(corpora: Path) -> None:
    _, settings = prepared(config(corpora, embeddings={"steps": [0], "rows": 16}))
    recipe = classifier_recipe(settings)
    files = recipe.keep(0)
    assert recipe.keep(1) == {}
    network: Any = recipe.objective.network
    content = Storage(str(corpora))
    for name, data in files.items():
        content.create(name, data)
    rows, found = read_rows_file(content), read_embeddings(content, 0, 16)
    assert {row["kind"] for row in rows} == {"live", "spoof", "generated"}
    for row, mine in zip(rows, found, strict=True):
        corpus = Corpus(f"{corpora}/{'spoofs' if row['kind'] == 'generated' else 'real'}")
        (place,) = corpus.where(key=row["key"], split="train")
        assert corpus.column("style")[place] == row["style"]
        with torch.no_grad():
            features = network.eval()(to_tensor(corpus.pixels([place])), with_features=True)[1][0]
        assert mine == pytest.approx((features / features.norm()).numpy(), abs=2e-3)


def test_a_configuration_without_them_keeps_its_fingerprint_and_wrong_steps_are_refused(corpora: Path) -> None:
    assert "embeddings" not in config(corpora).model_dump(mode="json")
    assert "embeddings" not in prepared(config(corpora))[0]
    assert prepared(config(corpora, embeddings={"steps": [1]}))[0]["embeddings"] == {"steps": [1], "rows": 400}
    for steps, message in (([2, 1], "must rise"), ([1, 1], "must rise"), ([-1], "must rise"), ([4], "last step is 3")):
        with pytest.raises(ValueError, match=message):
            prepared(config(corpora, embeddings={"steps": steps}))


def test_broken_files_are_told(tmp_path: Path) -> None:
    from safetensors.numpy import save

    storage = Storage(str(tmp_path))
    with pytest.raises(ValueError, match=r"holds no embeddings: fit the classifier with embeddings.steps"):
        read_rows_file(storage)
    storage.create(ROWS, b'{"rows": [{"key": 1}]}')
    with pytest.raises(ValueError, match="rows"):
        read_rows_file(storage)
    for step, data, message in (
        (1, b"no tensors", "is not a file of tensors"),
        (2, save({"features": np.zeros((3, 2), np.float16)}), "not the embeddings of 9 rows"),
        (3, save({"features": np.full((9, 2), np.nan, np.float16)}), "had diverged by step 3"),
    ):
        storage.create(name_of(step), data)
        with pytest.raises(ValueError, match=message):
            read_embeddings(storage, step, 9)
