from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from difffas.style_encoder import SMALL_STYLE_ENCODER, StyleEncoder, feature_statistics
from difffas.unet import SMALL_UNET, SpoofUNet

TINY: dict[str, Any] = {"stem_channels": 4, "channels": (4, 8, 8, 12), "depths": (1, 2, 1, 1)}
STYLES = ["a-live", "a-print", "b-replay"]


def test_full_size_encoder_is_the_released_one() -> None:
    """Its number of parameters, less the 36 of a norm that the release never uses."""
    with torch.device("meta"):
        encoder = StyleEncoder([str(i) for i in range(17)]).eval()
        features, logits = encoder(torch.empty(2, 3, 256, 256))
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 46_238_837 - 36
    assert [tuple(feature.shape[1:]) for feature in features] == [(256, 32, 32), (512, 16, 16), (512, 8, 8)]
    assert logits.shape == (2, 17)


def test_widths_are_those_of_the_unet() -> None:
    with torch.device("meta"):
        assert SpoofUNet().style_channels == StyleEncoder(STYLES).style_channels
    assert SpoofUNet(**SMALL_UNET).style_channels == StyleEncoder(STYLES, **SMALL_STYLE_ENCODER).style_channels


def test_features_are_after_relu_and_feed_the_logits() -> None:
    encoder = StyleEncoder(STYLES, **TINY).eval()
    features, logits = encoder(torch.randn(2, 3, 64, 32))
    assert [tuple(feature.shape) for feature in features] == [(2, 8, 8, 4), (2, 8, 4, 2), (2, 12, 2, 1)]
    assert all(bool((feature >= 0).all()) for feature in features)
    torch.testing.assert_close(logits, encoder.fc(features[2].mean(dim=(2, 3))))


def test_save_and_load_are_bit_equal(tmp_path: Path) -> None:
    encoder = StyleEncoder(STYLES, **TINY)
    encoder(torch.randn(4, 3, 64, 64))  # moves the running statistics
    encoder.eval().save_pretrained(tmp_path)
    loaded = StyleEncoder.from_pretrained(tmp_path, use_safetensors=True)
    images = torch.randn(2, 3, 64, 64)
    assert loaded.styles == tuple(STYLES)
    assert torch.equal(loaded(images)[1], encoder(images)[1])


def test_an_encoder_starts_from_one_of_other_styles() -> None:
    torch.manual_seed(0)
    first, own = StyleEncoder(STYLES, **TINY), StyleEncoder(["b-replay", "c-mask", "a-live", "c-live"], **TINY)
    first(torch.randn(4, 3, 32, 32))  # moves the running statistics
    before = {name: value.clone() for name, value in own.fc.state_dict().items()}
    own.start_from(first)
    images = torch.randn(2, 3, 32, 32)
    (features, logits), (wanted, known) = own.eval()(images), first.eval()(images)
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(features, wanted, strict=True))
    torch.testing.assert_close(logits[:, [0, 2]], known[:, [2, 0]])
    for name, value in own.fc.state_dict().items():
        assert torch.equal(value[[1, 3]], before[name][[1, 3]])
    with pytest.raises(RuntimeError, match="size mismatch"):
        own.start_from(StyleEncoder(STYLES, **{**TINY, "stem_channels": 8}))


def test_it_learns_to_tell_styles() -> None:
    torch.manual_seed(0)
    encoder = StyleEncoder(STYLES, **TINY)
    label = torch.arange(12) % 3
    images = torch.randn(12, 3, 32, 32) * 0.1 + label.view(-1, 1, 1, 1) - 1.0
    optimiser = torch.optim.Adam(encoder.parameters(), 1e-2)
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(encoder(images)[1], label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.1


def test_feature_statistics_are_those_of_all_images() -> None:
    encoder = StyleEncoder(STYLES, **TINY).eval()
    images = torch.randn(5, 3, 64, 64)
    means, variances = feature_statistics(encoder, [images[:2], images[2:]])
    with torch.no_grad():
        features, _ = encoder(images)
    for feature, mean, variance in zip(features, means, variances, strict=True):
        values = feature.double().transpose(0, 1).flatten(1).numpy()
        np.testing.assert_allclose(mean, values.mean(axis=1), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(variance, values.var(axis=1), rtol=1e-4, atol=1e-7)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="distinct"):
        StyleEncoder(["a", "a"], **TINY)
    with pytest.raises(ValueError, match="distinct"):
        StyleEncoder([], **TINY)
    with pytest.raises(ValueError, match="four positive"):
        StyleEncoder(STYLES, channels=(8, 8))
    with pytest.raises(ValueError, match="multiples of 32"):
        StyleEncoder(STYLES, **TINY)(torch.zeros(1, 3, 48, 64))
    with pytest.raises(ValueError, match="training mode"):
        feature_statistics(StyleEncoder(STYLES, **TINY).train(), [])
    with pytest.raises(ValueError, match="no images"):
        feature_statistics(StyleEncoder(STYLES, **TINY).eval(), [])
