"""Backbones by timm's name or from a folder: where they are looked for, what stands for them, what they take."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.classifier import SpoofClassifier
from difffas.timm_export import export_timm
from factory.cli import main
from factory.core.config import build
from factory.models.backbone import arguments, check_size, identity, located
from factory.train.recipes.classifier import FitClassifierConfig, classifier_recipe, prepared
from tests.ablations import graph_of, table_of
from tests.hub import Hub, published, use

STYLES, LIVE = ("cam-live", "cam-print"), ("cam-live",)
FIXED = "test_vit_relpos"  # timm's smallest that is made for one size of image
TAGGED = "test_resnet.r160_in1k"
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


def test_a_fit_begins_from_the_weights_of_a_tag_and_says_so(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = published(hub, TAGGED)
    write_corpus(tmp_path / "real", small_rows(subjects=2, side=64))
    given = {"corpus": f"{tmp_path}/real", "out": f"{tmp_path}/out", "train": TRAIN}
    identified, settings = prepared(build(FitClassifierConfig, {**given, "backbone": TAGGED}))
    assert identified["backbone"] == identity(TAGGED) != TAGGED
    assert settings.config.backbone == f"{TAGGED}@{hub.commit(f'timm/{TAGGED}')}"
    assert f"the backbone starts from the weights of {settings.config.backbone}" in capsys.readouterr().err
    recipe = classifier_recipe(settings)
    begun = recipe.objective.network.state_dict()
    for name, tensor in network.state_dict().items():
        assert name.startswith("fc.") or torch.equal(begun[f"backbone.{name}"], tensor)
    recipe.export(tmp_path / "model")
    fitted = SpoofClassifier.load(tmp_path / "model" / "classifier")
    fitted.save(tmp_path / "again")
    assert fitted.pretrained == SpoofClassifier.load(tmp_path / "again").pretrained
    assert fitted.pretrained is not None and fitted.pretrained["tag"] == "r160_in1k"
    plain, settings = prepared(build(FitClassifierConfig, {**given, "backbone": "test_resnet"}))
    assert plain["backbone"] == settings.config.backbone == "test_resnet"
    said = "fit-classifier: backbone test_resnet starts from random weights; for trained ones give a tag, such as "
    assert said + TAGGED in capsys.readouterr().err
    assert identified.keys() == plain.keys()
    assert "backbones" not in plain


@pytest.mark.parametrize("verb", ["fit-classifier", "fit-judge"])
def test_weights_that_are_not_there_end_the_command_before_it_claims_a_folder(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, "http://127.0.0.1:9", tmp_path / "cache")
    write_corpus(tmp_path / "real", small_rows(subjects=4, splits=("train", "dev"), side=64))
    command = [verb, f"corpus={tmp_path}/real", f"out={tmp_path}/out", f"backbone={TAGGED}"]
    with pytest.raises(SystemExit) as ended:
        main([*command, *(["loss.name=cross-entropy"] if verb == "fit-classifier" else [])])
    printed = capsys.readouterr().err
    assert ended.value.code == 2
    assert printed.count("\n") == 1
    assert f"backbone '{TAGGED}': its weights are not on this machine" in printed
    assert not (tmp_path / "out").exists()


def test_a_table_s_tag_is_looked_for_in_the_folder_of_the_command(
    weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, "http://127.0.0.1:9", tmp_path / "cache")
    row = {"name": "a", "fit_classifier": {"backbone": TAGGED}}
    with pytest.raises(ValueError, match="its weights are not on this machine"):
        graph_of(table_of(row))
    shutil.copytree(weights, tmp_path / "backbones" / TAGGED)
    by_name = set(graph_of(table_of(row), fit_classifier={"backbones": f"{tmp_path}/backbones"}).runs)
    by_folder = {"name": "a", "fit_classifier": {"backbone": f"local-dir:{weights}"}}
    assert by_name == set(graph_of(table_of(by_folder)).runs)
