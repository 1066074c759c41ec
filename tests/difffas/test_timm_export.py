"""The exported folder as timm reads it: features, and by the lines of its card the scores of the classifier."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn

from difffas.classifier import SpoofClassifier
from difffas.patches import Patches
from difffas.timm_export import export_timm

STYLES = ("casia-live", "casia-print", "msu-live", "msu-print")
LIVE = ("casia-live", "msu-live")


def classifier_of(backbone: str, **given: Any) -> SpoofClassifier:
    """With statistics of its BatchNorms that are not those of a start."""
    torch.manual_seed(0)
    classifier = SpoofClassifier(STYLES, LIVE, backbone=backbone, **given).train()
    with torch.no_grad():
        classifier(images(8, 64))
    return classifier.eval()


def images(size: int, side: int) -> torch.Tensor:
    return torch.rand(size, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize(("name", "given"), [("test_resnet", {}), ("test_vit", {"backbone_args": {"img_size": 64}})])
def test_timm_reads_the_backbone(name: str, given: dict[str, Any], tmp_path: Path) -> None:
    classifier = classifier_of(name, **given)
    export_timm(classifier, tmp_path, size=64)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "README.md",
        "config.json",
        "model.head.safetensors",
        "model.safetensors",
    ]
    model = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    config = timm.data.resolve_data_config(model=model)
    assert tuple(config["input_size"]) == (3, 64, 64)
    mean, std = (torch.tensor(config[key]).view(3, 1, 1) for key in ("mean", "std"))
    given_images = images(3, 64)
    with torch.no_grad():
        features = model(((given_images + 1) / 2 - mean) / std)
        torch.testing.assert_close(features, classifier.features(given_images))
    assert timm.create_model(f"local-dir:{tmp_path}", pretrained=True, num_classes=7).num_classes == 7
    again = SpoofClassifier(STYLES, LIVE, backbone=f"local-dir:{tmp_path}").eval()
    with torch.no_grad():
        torch.testing.assert_close(again.features(given_images), classifier.features(given_images))


def followed(card: Path, folder: Path, path: Path) -> dict[str, Any]:
    """Names that the card's lines set, run as a reader runs them, without this package."""
    (code,) = re.findall(r"```python\n(.*?)```", card.read_text(encoding="utf-8"), re.DOTALL)
    assert "difffas" not in code
    first, _, rest = code.partition("\n")
    assert re.fullmatch(r'folder, path = "[\w.]+", "face.png"', first)
    known: dict[str, Any] = {"folder": str(folder), "path": str(path)}
    exec(rest, known)
    return known


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("test_resnet", {}),
        ("test_vit", {"backbone_args": {"img_size": 64}}),
        ("test_resnet", {"patches": Patches(40)}),
    ],
)
def test_the_lines_of_the_card_give_the_scores_of_the_classifier(
    name: str, given: dict[str, Any], tmp_path: Path
) -> None:
    """With the normalisation of the weights, which are here not those of timm's default."""
    classifier = classifier_of(name, **given)
    with torch.no_grad():
        classifier.mean.copy_(torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1))
        classifier.std.copy_(torch.tensor([0.5, 0.6, 0.7]).view(1, 3, 1, 1))
        nn.init.orthogonal_(classifier.head.weight)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "face.png")
    export_timm(classifier, tmp_path / "export", size=64)
    found = followed(tmp_path / "export" / "README.md", tmp_path / "export", tmp_path / "face.png")
    given_image = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        cosines = classifier(given_image)
    torch.testing.assert_close(found["probabilities"], classifier.probabilities(cosines)[0], atol=1e-6, rtol=1e-5)
    assert found["liveness"] == pytest.approx(classifier.liveness(cosines).item(), abs=1e-6)
    assert found["styles"] == list(STYLES)


def test_the_whole_image_counts_and_the_card_names_the_weights_that_were_the_start(tmp_path: Path) -> None:
    classifier = classifier_of("test_resnet")
    classifier.pretrained = {"architecture": "test_resnet", "tag": "r160_in1k", "license": "x", "sha256": "ab"}
    export_timm(classifier, tmp_path, size=64)
    model = timm.create_model(f"local-dir:{tmp_path}", pretrained=True)
    config = timm.data.resolve_model_data_config(model)
    assert (config["crop_pct"], list(config["input_size"])) == (1.0, [3, 64, 64])
    assert json.loads((tmp_path / "config.json").read_text())["label_names"] == list(STYLES)
    card = (tmp_path / "README.md").read_text()
    assert "started from the weights `test_resnet.r160_in1k` (sha256 `ab`, licence x)" in card
    assert "| casia-live | live |\n| casia-print | spoof |" in card
