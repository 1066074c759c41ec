"""Backbones by timm's name or from a folder: where they are looked for, what stands for them, what they take."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.classifier import SpoofClassifier
from difffas.onnx_export import export_timm
from factory.core.config import build
from factory.models.backbone import arguments, check_size, identity, located
from factory.train.recipes.classifier import FitClassifierConfig, classifier_recipe, prepared
from tests.ablations import graph_of, table_of

STYLES, LIVE = ("cam-live", "cam-print"), ("cam-live",)
FIXED = "test_vit_relpos"  # timm's smallest that is made for one size of image
TRAIN = {"steps": 4, "batch_size": 8, "learning_rate": 1e-3}


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of timm's, below the working directory."""
    monkeypatch.chdir(tmp_path)
    network = SpoofClassifier(STYLES, LIVE, backbone=FIXED, backbone_args={"img_size": 32})
    export_timm(network, "weights", 32)
    return tmp_path / "weights"


def test_a_folder_goes_by_its_content(weights: Path) -> None:
    first = identity("local-dir:weights")
    shutil.copytree(weights, "moved")
    assert identity(f"local-dir:{weights}") == identity("local-dir:moved") == first
    assert (identity("resnet18"), located("resnet18")) == ("resnet18", "resnet18")
    assert located("local-dir:weights") == f"local-dir:{weights}"
    export_timm(SpoofClassifier(STYLES, LIVE, backbone=FIXED, backbone_args={"img_size": 32}), "moved", 32)
    assert identity("local-dir:moved") != first
    rows = {name: {"name": "a", "fit_classifier": {"backbone": f"local-dir:{name}"}} for name in ("weights", "moved")}
    shutil.copytree(weights, "copied")
    runs = [set(graph_of(table_of(row)).runs) for row in rows.values()]
    assert runs[0] != runs[1]
    assert set(graph_of(table_of({"name": "a", "fit_classifier": {"backbone": "local-dir:copied"}})).runs) == runs[0]
    Path("moved/model.safetensors").unlink()
    with pytest.raises(ValueError, match="local-dir:moved has no model.safetensors: give a folder with timm's"):
        identity("local-dir:moved")


@pytest.mark.parametrize(
    ("backbone", "size", "message"),
    [
        ("resnet17", 64, "backbone 'resnet17' is not known to timm"),
        ("efficientformer_l1", 64, "backbone 'efficientformer_l1' takes no images of 64 × 64: "),
    ],
)
def test_what_takes_no_such_images_is_refused(backbone: str, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        check_size(backbone, size)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("backbone", ["mobilevit_s", "swin_tiny_patch4_window7_224", "vit_tiny_patch16_224", FIXED])
def test_networks_of_one_size_are_made_for_the_images(backbone: str) -> None:
    check_size(backbone, 64)
    assert arguments(backbone, 64) == ({} if backbone == "mobilevit_s" else {"img_size": 64})


def test_a_fit_takes_a_folder_by_a_relative_path_and_images_of_any_size(weights: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "real", small_rows(subjects=2, side=64))
    given = {"corpus": "real", "out": "out", "train": TRAIN}
    identified, settings = prepared(build(FitClassifierConfig, {**given, "backbone": "local-dir:weights"}))
    assert settings.config.backbone == f"local-dir:{weights}"
    assert identified["backbone"] == identity("local-dir:weights")
    recipe = classifier_recipe(settings)  # weights for 32 × 32
    assert recipe.objective.network(torch.zeros(1, 3, 64, 64)).shape == (1, 6)
    recipe.export(tmp_path / "model")
    shutil.rmtree(weights)
    assert SpoofClassifier.load(tmp_path / "model" / "classifier").backbone_args["img_size"] == 64
    with pytest.raises(ValueError, match="local-dir:weights has no config.json"):
        prepared(build(FitClassifierConfig, {**given, "backbone": "local-dir:weights"}))
