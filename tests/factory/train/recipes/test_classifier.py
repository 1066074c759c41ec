"""The classifier's look at held-out people, without Ray; its training steps are in test_losses.py beside this."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.classifier import SpoofClassifier
from difffas.losses import reversal_strength
from difffas.metrics import auc, d_eer
from difffas.patches import Patches
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF
from factory.models.tensors import to_tensor
from factory.train.batches import share
from factory.train.checkpoints import Course, load, save
from factory.train.loop import Fit, prepare
from factory.train.recipes.classifier import FitClassifierConfig, classifier_recipe, prepared
from tests.gloo import steps
from tests.pages import spoofs_of


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("classifier")
    real = small_rows(subjects=6, splits=("train", "dev", "test"))
    write_corpus(root / "real", real)
    write_corpus(root / "spoofs", spoofs_of([row for row in real if row.split == "train"], 24))
    return root


def config(corpora: Path, **given: Any) -> FitClassifierConfig:
    train = {"steps": 4, "batch_size": 8, "learning_rate": 1e-3, "evaluate_every": 2, "patience": 3}
    fit = {"corpus": f"{corpora}/real", "generated": f"{corpora}/spoofs", "out": "unused", "backbone": "test_convnext"}
    return build(FitClassifierConfig, {**fit, "train": train, **given})


def test_an_evaluation_is_of_the_held_out_rows_alone(corpora: Path) -> None:
    _, settings = prepared(config(corpora))
    recipe = classifier_recipe(settings)
    found = recipe.evaluate()
    corpus = Corpus(f"{corpora}/real")
    dev = corpus.where(split="dev")
    with torch.no_grad():
        network: Any = recipe.objective.network
        liveness = network.liveness(network.eval()(to_tensor(corpus.pixels(dev))))
    spoof = (corpus.column("label")[dev] == SPOOF).astype(int)
    wanted = {"auc": auc(liveness.double().numpy(), spoof), "d_eer": d_eer(liveness.double().numpy(), spoof)}
    assert found.figures == pytest.approx(wanted)
    assert found.score is not None
    assert 0 < found.score - found.figures["auc"] < 1 / spoof.sum() / (1 - spoof).sum() / 2  # ties are broken alone
    assert not network.training  # the loop sets it back


def test_a_split_without_both_kinds_is_refused(corpora: Path) -> None:
    with pytest.raises(ValueError, match=r"split 'nobody' lacks live faces or attacks, and train.evaluate_every"):
        prepared(config(corpora, held_out="nobody"))
    with pytest.raises(ValueError, match="split None lacks"):
        prepared(config(corpora, held_out=None))
    prepared(config(corpora, held_out=None, train={"steps": 4, "batch_size": 8, "learning_rate": 1e-3}))


def test_what_cannot_be_fitted_is_refused(corpora: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="held_out is 'train', the split that is trained on"):
        prepared(config(corpora, held_out="train"))
    train = {"steps": 4, "batch_size": 8, "learning_rate": 1e-3}
    for label in (LIVE, SPOOF):
        write_corpus(tmp_path / str(label), [row for row in small_rows() if row.label == label])
        with pytest.raises(ValueError, match="split 'train' has only live faces or only spoofs: give both"):
            prepared(config(corpora, corpus=f"{tmp_path}/{label}", generated=None, train=train))


def test_rows_without_the_score_that_the_loss_goes_by_are_said(corpora: Path, capsys: Any) -> None:
    prepared(config(corpora, loss={"name": "rq+patchnet"}))
    said, part, random = capsys.readouterr().err.splitlines()
    assert "starts from random weights" in random
    assert part == "fit-classifier: loss 'rq+patchnet' is a part of that method; rq+patchnet-whole is all of it"
    assert said.startswith("warning: 22 of 44 training rows have no BRISQUE score, by which loss 'rq+patchnet' sets")
    prepared(config(corpora, loss={"name": "cross-entropy"}))
    assert capsys.readouterr().err.splitlines() == [random]


def test_batches_hold_the_share_of_generated_rows(corpora: Path) -> None:
    _, settings = prepared(config(corpora, sampling={"generated_share": 0.25, "style_weights": {"print": 2}}))
    read = classifier_recipe(settings).reader(0, 1)
    made = set(Corpus(f"{corpora}/spoofs").column("key"))
    for step in range(5):
        (keys,) = np.asarray(read(step)["keys"]).T.reshape(1, -1)
        assert sum(key in made for key in keys) == 2


def test_images_vary_if_the_setting_says_so(corpora: Path) -> None:
    seen: list[torch.Tensor] = []

    def network(images: torch.Tensor, with_features: bool) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(images)
        return torch.zeros(len(images), 2), torch.zeros(len(images), 8)

    images = torch.rand(4, 3, 32, 32)
    for vary in (False, True):
        _, settings = prepared(config(corpora, vary=vary, generated=None, loss={"name": "cross-entropy"}))
        objective: Any = classifier_recipe(settings).objective
        objective.loss(network, images, torch.zeros(4, dtype=torch.long), np.arange(4))
    assert torch.equal(seen[0], images) and not torch.equal(seen[1], images)


@pytest.mark.parametrize("loss", ["rq+ssdg-whole", "patchnet-whole"])
def test_what_a_loss_trains_is_resumed_to_the_bit_and_not_exported(loss: str, corpora: Path, tmp_path: Path) -> None:
    _, settings = prepared(config(corpora, loss={"name": loss}, backbone="test_resnet"))

    def begun() -> Fit:
        return prepare(classifier_recipe(settings), settings, torch.device("cpu"))

    undisturbed = begun()
    losses = steps(undisturbed, 0, 4)
    first, second = begun(), begun()
    assert steps(first, 0, 2) == losses[:2]
    save(tmp_path, first.modules, first.optimiser, Course(step=2, updates=2), first=True)
    load(tmp_path, second.modules, second.optimiser)
    assert steps(second, 2, 4) == losses[2:]
    for name, value in undisturbed.recipe.modules["network"].state_dict().items():
        assert torch.equal(second.recipe.modules["network"].state_dict()[name], value), name
    beside = {name.partition(".")[0] for name, _ in second.network.named_parameters()} - {"backbone", "head"}
    assert beside == ({"classifier", "discriminator"} if "ssdg" in loss else set())
    second.recipe.evaluate()
    second.recipe.export(tmp_path / "model")
    exported = SpoofClassifier.load(tmp_path / "model" / "classifier")
    trained: Any = second.recipe.modules["network"]
    assert exported.state_dict().keys() == getattr(trained, "classifier", trained).state_dict().keys()
    assert exported.patches == (None if "ssdg" in loss else Patches(20))


def test_the_reversal_follows_the_share_of_the_training_that_is_done(corpora: Path) -> None:
    _, settings = prepared(config(corpora, loss={"name": "ssdg-whole"}))
    objective: Any = classifier_recipe(settings).objective
    found = [objective._strength(share(step, 8, rank, 2)).item() for step in range(4) for rank in range(2)]
    assert found == pytest.approx([reversal_strength(step / 4) for step in range(4) for _ in range(2)], abs=1e-6)


def test_a_loss_says_what_it_leaves_out(corpora: Path, tmp_path: Path, capsys: Any) -> None:
    for name, said in (("ssdg", "is a part of that method; ssdg-whole is all"), ("ssdg-whole", ""), ("rq", "warning")):
        prepared(config(corpora, loss={"name": name}))
        assert said in capsys.readouterr().err
    write_corpus(tmp_path / "one", small_rows(domains=("cam",)))
    train = {"steps": 4, "batch_size": 8, "learning_rate": 1e-3}
    prepared(config(tmp_path, corpus=f"{tmp_path}/one", generated=None, train=train, loss={"name": "ssdg-whole"}))
    assert "all live faces are of one domain, so the discriminator" in capsys.readouterr().err


def test_a_backbone_that_does_not_take_the_patches_is_refused(corpora: Path) -> None:
    with pytest.raises(ValueError, match="'test_convnext' takes no images of 20 × 20"):
        prepared(config(corpora, loss={"name": "patchnet-whole"}))


def test_embeddings_of_a_classifier_of_patches_are_refused(corpora: Path) -> None:
    with pytest.raises(ValueError, match="embeddings are of whole faces, and loss 'patchnet-whole' looks at patches"):
        prepared(config(corpora, loss={"name": "patchnet-whole"}, embeddings={"steps": [2]}))
