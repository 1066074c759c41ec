"""What the style encoder says of images, whatever the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from factory.audit.style import StyleJudge
from factory.models.tensors import to_tensor
from tests.factory.audit.planted import STYLES, TINTS, fitted_encoder, person


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("style")
    fitted_encoder().save_pretrained(root / "style_encoder")
    return root


def test_the_probability_is_that_of_each_image_s_own_style(folder: Path) -> None:
    attacks = [tuple(TINTS)[number % 3] for number in range(7)]
    images = np.stack([person(number, attack, number) for number, attack in enumerate(attacks)])
    styles = [f"cam-{attack}" for attack in attacks]
    found, features = StyleJudge(str(folder), batch_size=7, threads=1)(images, styles)
    with torch.no_grad():
        _, logits = fitted_encoder()(to_tensor(images))
    whole = logits.double().softmax(dim=1).numpy()
    np.testing.assert_allclose(found, [line[STYLES.index(style)] for line, style in zip(whole, styles, strict=True)])
    assert (found > 0.5).all()
    assert features.dtype == np.float32 and features.shape == (7, 16)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1.0, rtol=1e-5)


def test_neither_the_batch_nor_the_style_counts_for_the_features(folder: Path) -> None:
    images = np.stack([person(number, "print", number) for number in range(5)])
    _, whole = StyleJudge(str(folder), batch_size=5, threads=1)(images, ["cam-live"] * 5)
    np.testing.assert_allclose(StyleJudge(str(folder), batch_size=2, threads=1).features(images), whole, atol=1e-5)
    with pytest.raises(KeyError, match="lab-print"):
        StyleJudge(str(folder), batch_size=5, threads=1)(images, ["lab-print"] * 5)
