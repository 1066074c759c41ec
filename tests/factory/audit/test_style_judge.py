"""A classifier judges styles, whatever the batch; the features stay those of the style encoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from factory.audit.style import StyleJudge
from factory.audit.style_judge import ClassifierJudge, style_judge
from factory.models.tensors import to_tensor
from tests.factory.audit.planted import STYLES, TINTS, fitted_classifier, fitted_encoder, person


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    root = tmp_path_factory.mktemp("judge")
    fitted_encoder().save_pretrained(root / "style" / "style_encoder")
    fitted_classifier().save(root / "model" / "classifier")
    return f"{root}/style", f"{root}/model"


def test_the_probability_is_the_softmax_of_the_scaled_cosines(folders: tuple[str, str]) -> None:
    attacks = [tuple(TINTS)[number % 3] for number in range(7)]
    images = np.stack([person(number, attack, number) for number, attack in enumerate(attacks)])
    styles = [f"cam-{attack}" for attack in attacks]
    judge = style_judge(*folders, batch_size=3, threads=1)
    assert isinstance(judge, ClassifierJudge) and judge.styles == STYLES
    found, features = judge(images, styles)
    classifier = fitted_classifier()
    with torch.no_grad():
        cosines = classifier(to_tensor(images))
    assert isinstance(cosines, torch.Tensor)
    whole = (classifier.scale * cosines.double()).softmax(dim=1).numpy()
    expected = [line[STYLES.index(style)] for line, style in zip(whole, styles, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    encoder = style_judge(folders[0], None, batch_size=3, threads=1)
    assert type(encoder) is StyleJudge
    np.testing.assert_array_equal(features, encoder.features(images))
    for each in (judge, encoder):
        probability, right = each.judged(images, styles)
        np.testing.assert_allclose(probability, each(images, styles)[0])
        assert right.dtype == bool and right.all()
        wrong = each.judged(images[:1], ["cam-replay"])
        assert not wrong[1].any() and wrong[0][0] < 0.5
