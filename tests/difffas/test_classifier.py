"""The classifier over small timm backbones: shapes, liveness, folders."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from difffas.classifier import CosineHead, SpoofClassifier
from difffas.losses import RelativeQuality, relative_quality
from difffas.patches import Patches

STYLES = ("casia-live", "casia-print", "casia-replay", "msu-live", "msu-print")
LIVE = ("casia-live", "msu-live")
TINY = "test_resnet"  # 0.4 M parameters


def tiny(seed: int = 0) -> SpoofClassifier:
    torch.manual_seed(seed)
    return SpoofClassifier(STYLES, LIVE, backbone=TINY).eval()


def images(size: int = 2, side: int = 64, seed: int = 0) -> torch.Tensor:
    return torch.rand(size, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("backbone", ["resnet18", "mobilevit_s", "mobilenetv3_small_050", TINY])
@pytest.mark.parametrize("side", [32, 64])
def test_backbones_take_small_images_in_both_modes(backbone: str, side: int) -> None:
    torch.manual_seed(0)
    classifier = SpoofClassifier(STYLES, LIVE, backbone=backbone)
    for training in (True, False):
        cosines = classifier.train(training)(images(side=side))
        assert cosines.shape == (2, 5)
        assert cosines.dtype == torch.float32
        assert cosines.abs().max() <= 1 + 1e-6
        assert torch.isfinite(cosines).all()


def test_a_vision_transformer_is_made_for_its_size(tmp_path: Path) -> None:
    classifier = SpoofClassifier(STYLES, LIVE, backbone="test_vit", backbone_args={"img_size": 64}).eval()
    classifier.save(tmp_path)
    assert torch.equal(SpoofClassifier.load(tmp_path)(images()), classifier(images()))


def test_features_then_head_is_the_classifier() -> None:
    classifier = tiny()
    features = classifier.features(images())
    assert features.shape == (2, classifier.head.weight.shape[1])
    assert torch.equal(classifier.head(features), classifier(images()))
    assert all(map(torch.equal, classifier(images(), with_features=True), (classifier(images()), features)))


def test_the_head_stays_in_float32_under_autocast() -> None:
    head, features = CosineHead(16, 5), torch.randn(4, 16)
    with torch.autocast("cpu", torch.bfloat16):
        cosines = head(features)
    assert cosines.dtype == torch.float32
    assert torch.equal(cosines, head(features))


def test_head_is_the_cosine_of_the_angle() -> None:
    head = CosineHead(4, 3)
    features = torch.randn(5, 4)
    expected = F.cosine_similarity(features[:, None], head.weight[None], dim=2)
    torch.testing.assert_close(head(features), expected)
    torch.testing.assert_close(head(features * 1000), head(features))
    assert head(torch.zeros(1, 4)).tolist() == [[0.0, 0.0, 0.0]]
    assert head(features.bfloat16()).dtype == torch.float32


def test_backbone_sees_its_own_normalisation() -> None:
    classifier = SpoofClassifier(STYLES, LIVE, backbone="resnet18").eval()
    seen = []
    classifier.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    classifier(torch.stack([torch.full((3, 32, 32), value) for value in (-1.0, 1.0)]))
    mean, std = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
    torch.testing.assert_close(seen[0][0, :, 0, 0], -mean / std)
    torch.testing.assert_close(seen[0][1, :, 0, 0], (1 - mean) / std)


def test_liveness_is_the_mass_of_the_live_styles() -> None:
    classifier = tiny()
    cosines = torch.tensor([[0.9, 0.1, 0.1, 0.8, 0.0], [0.0, 0.9, 0.1, -0.5, 0.9], [0.3] * 5])
    mass = (30.0 * cosines).softmax(1)
    torch.testing.assert_close(classifier.liveness(cosines), mass[:, 0] + mass[:, 3])
    assert classifier.liveness(cosines)[2].item() == pytest.approx(2 / 5)
    assert classifier.liveness(cosines)[0] > 0.99 > 0.01 > classifier.liveness(cosines)[1]


def test_trains_with_the_relative_quality_loss() -> None:
    classifier = tiny().train()
    loss = RelativeQuality(tuple(classifier.live.tolist()))
    pictures, labels = images(10), torch.arange(10) % 5
    pictures += labels[:, None, None, None] / 2 - 1  # brightness tells the styles
    optimizer = torch.optim.Adam(classifier.parameters(), lr=3e-3)
    quality = relative_quality(torch.linspace(10, 60, 10))
    losses = []
    for _ in range(25):
        value = loss(classifier(pictures), labels, quality)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(value.item())
    assert losses[-1] < 0.6 * losses[0]
    assert all(parameter.grad is not None for parameter in classifier.parameters())


def test_save_and_load_are_exact_and_need_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = tiny().train()
    classifier(images(4))  # moves the statistics of the batch norms
    classifier.eval().save(tmp_path / "a" / "model")
    assert sorted(path.name for path in (tmp_path / "a" / "model").iterdir()) == ["config.json", "model.safetensors"]

    def refuse(*_: object) -> None:
        raise AssertionError("loading opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    loaded = SpoofClassifier.load(tmp_path / "a" / "model")
    assert not loaded.training
    assert (loaded.styles, loaded.live_styles, loaded.scale) == (STYLES, LIVE, 30.0)
    assert torch.equal(loaded(images()), classifier(images()))
    loaded.save(tmp_path / "b")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "b" / name).read_bytes() == (tmp_path / "a" / "model" / name).read_bytes()


def of_patches(side: int = 40, grid: int = 3) -> SpoofClassifier:
    torch.manual_seed(0)
    return SpoofClassifier(STYLES, LIVE, backbone=TINY, image_size=64, patches=Patches(side, grid)).eval()


def test_a_classifier_of_patches_says_the_mean_over_them() -> None:
    whole, classifier, faces = tiny(), of_patches(), images(3)
    cosines = classifier(faces)
    assert cosines.shape == (3, 9, 5)
    pieces = [faces[:, :, top : top + 40, left : left + 40] for top in (0, 12, 24) for left in (0, 12, 24)]
    each = [whole(piece) for piece in pieces]  # the same weights: the seed is the same
    torch.testing.assert_close(cosines, torch.stack(each, dim=1))
    wanted = torch.stack([(30.0 * one.double()).softmax(1) for one in each]).mean(0)
    torch.testing.assert_close(classifier.probabilities(cosines.double()), wanted, rtol=1e-4, atol=1e-6)
    liveness = classifier.liveness(cosines)
    torch.testing.assert_close(liveness, torch.stack([whole.liveness(one) for one in each]).mean(0))
    torch.testing.assert_close(
        classifier.features(faces), torch.stack([whole.features(one) for one in pieces]).mean(0)
    )


def test_in_training_a_classifier_of_patches_takes_patches_as_they_are() -> None:
    classifier, pieces = of_patches(), images(4, side=40)
    cosines, features = classifier(pieces, with_features=True)
    assert torch.equal(cosines, tiny()(pieces))
    assert torch.equal(features, tiny().features(pieces))
    assert torch.equal(classifier.probabilities(cosines), tiny().probabilities(cosines))


def test_a_folder_says_its_patches_and_a_folder_without_them_says_nothing(tmp_path: Path) -> None:
    classifier = of_patches(side=33, grid=2)
    classifier.save(tmp_path / "patches")
    loaded = SpoofClassifier.load(tmp_path / "patches")
    assert loaded.patches == Patches(33, 2)
    assert torch.equal(loaded(images()), classifier(images()))
    with pytest.raises(ValueError, match="images of 32 × 32: the classifier looks at patches of 33 pixels"):
        loaded(images(side=32))
    tiny().save(tmp_path / "whole")
    assert "patches" not in json.loads((tmp_path / "whole" / "config.json").read_text())


def test_backbone_weights_from_a_local_folder(tmp_path: Path) -> None:
    """The layout that timm itself writes; a saved classifier no longer needs it."""
    backbone = timm.create_model(TINY, num_classes=7, drop_path_rate=0.1)
    folder, saved = tmp_path / "timm", tmp_path / "saved"
    folder.mkdir()
    config = {"architecture": TINY, "num_classes": 7, "model_args": {"drop_path_rate": 0.1}, "pretrained_cfg": {}}
    config["pretrained_cfg"] = {**backbone.pretrained_cfg, "mean": [0.1, 0.2, 0.3], "num_classes": 7}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(backbone.state_dict(), folder / "model.safetensors")
    classifier = SpoofClassifier(STYLES, LIVE, backbone=f"local-dir:{folder}").eval()
    assert torch.equal(classifier.backbone.conv1[0].weight, backbone.conv1[0].weight)
    torch.testing.assert_close(classifier.mean.flatten(), torch.tensor([0.1, 0.2, 0.3]))
    classifier.save(saved)
    for path in folder.iterdir():
        path.unlink()
    loaded = SpoofClassifier.load(saved)
    assert loaded.backbone_args == {"drop_path_rate": 0.1}
    assert torch.equal(loaded(images()), classifier(images()))


@pytest.mark.parametrize("live", [(), STYLES, ("other-live",), ("casia-live", "other-live")])
def test_live_styles_are_some_of_the_styles(live: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="must be some of the styles, but not all"):
        SpoofClassifier(STYLES, live, backbone=TINY)


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be distinct"):
        SpoofClassifier(("a-live", "a-print", "a-print"), ("a-live",), backbone=TINY)
    with pytest.raises(ValueError, match="'resnet1' is not known to timm"):
        SpoofClassifier(STYLES, LIVE, backbone="resnet1")
    with pytest.raises(ValueError, match="has no config.json"):
        SpoofClassifier(STYLES, LIVE, backbone=f"local-dir:{tmp_path}")
    with pytest.raises(ValueError, match="is not a folder that SpoofClassifier.save wrote"):
        SpoofClassifier.load(tmp_path)
    with pytest.raises(ValueError, match="give B,3,H,W"):
        tiny()(torch.zeros(3, 64, 64))
